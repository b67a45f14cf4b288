"""What goes out as OMOP, judged by OHDSI's data definition and data quality checks."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from ehr.exchange import cdm, dqd, omop
from ehr.extract.reader import READERS
from lake.preview import preview
from tests.ehr.exchange.conftest import Exchange


def test_omop_fits_the_official_tables_and_keys(landed: Exchange, shared_data: Path) -> None:
    rows, broken = cdm.load_into_ddl(landed.exports["omop"].path, shared_data / "ehr" / "omop_cdm_spec", 2)
    assert broken == []
    assert len(rows) == 39
    assert rows == landed.exports["omop"].rows


def test_the_key_check_finds_what_is_broken(landed: Exchange, shared_data: Path, tmp_path: Path) -> None:
    """Planted: a person twice, and so a death of somebody who is twice there; a visit of nobody."""
    for path in landed.exports["omop"].path.glob("*.parquet"):
        (tmp_path / path.name).symlink_to(path)
    source = landed.exports["omop"].path
    for table, query in {
        "person": f"from '{source}/person.parquet' union all (from '{source}/person.parquet' limit 1)",
        "visit_occurrence": f"select * replace (7 as person_id) from '{source}/visit_occurrence.parquet' limit 1",
    }.items():
        (tmp_path / f"{table}.parquet").unlink()
        duckdb.execute(f"copy ({query}) to '{tmp_path / table}.parquet' (format parquet)")
    _, broken = cdm.load_into_ddl(tmp_path, shared_data / "ehr" / "omop_cdm_spec", 2)
    found = {(one.table, one.constraint) for one in broken}
    assert ("person", "xpk_person") in found
    assert ("visit_occurrence", "fpk_visit_occurrence_person_id") in found


@pytest.fixture(scope="session")
def report(landed: Exchange, shared_data: Path) -> dqd.Report:
    return dqd.check(landed.exports["omop"].path, shared_data / "ehr" / "omop_dqd_checks", 2)


def test_no_fatal_check_of_the_data_quality_dashboard_fails(report: dqd.Report) -> None:
    """The control files instantiate 2,535 checks (OHDSI/DataQualityDashboard, CDM 5.4)."""
    assert len(report.checks) == 2_535
    assert report.fatal == ()
    counts = report.counts()
    assert counts["fatal"]["passed"] > 600
    assert counts["convention"]["passed"] > 80
    assert sum(sum(one.values()) for one in counts.values()) == 2_535


def test_the_checks_find_what_is_wrong(landed: Exchange, shared_data: Path, tmp_path: Path) -> None:
    """Planted: a double key, a missing concept, a measurement long after death, an unknown person."""
    for path in landed.exports["omop"].path.glob("*.parquet"):
        (tmp_path / path.name).symlink_to(path)
    source = landed.exports["omop"].path / "measurement.parquet"
    spoilt = tmp_path / "measurement.parquet"
    spoilt.unlink()
    dead = landed.exports["omop"].path / "death.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select * replace (case when row_number() over () <= 2 then 7 else measurement_id end as"
            " measurement_id, case when row_number() over () = 3 then 999999999 else measurement_concept_id end as"
            " measurement_concept_id, case when row_number() over () = 4 then 5 else person_id end as person_id)"
            f" from '{source}' union all by name (select m.* replace (m.measurement_id + 1 as measurement_id,"
            f" d.person_id as person_id, d.death_date + 100 as measurement_date) from '{source}' as m, '{dead}' as d"
            f" limit 500)) to '{spoilt}' (format parquet)"
        )
    report = dqd.check(tmp_path, shared_data / "ehr" / "omop_dqd_checks", 2)
    failed = {(one.name, one.table, one.field) for one in report.checks if one.status == "failed"}
    assert ("isPrimaryKey", "measurement", "measurement_id") in failed
    assert ("isForeignKey", "measurement", "measurement_concept_id") in failed
    assert ("isForeignKey", "measurement", "person_id") in failed
    assert ("plausibleBeforeDeath", "measurement", "measurement_date") in failed
    assert {one.name for one in report.fatal} == {"isPrimaryKey", "isForeignKey"}


def test_a_foreign_database_is_checked_too(shared_data: Path, tmp_path: Path) -> None:
    """Eunomia's own files have no DOMAIN table and more: the runner says so, and reads CSV."""
    for path in (shared_data / "ehr" / "omop_eunomia_synthea27").glob("[!C]*.gz"):
        (tmp_path / path.name).symlink_to(path)
    report = dqd.check(tmp_path, shared_data / "ehr" / "omop_dqd_checks", 2)
    missing = {one.table for one in report.fatal if one.name == "cdmTable"}
    assert {"domain", "note", "drug_era"} <= missing
    assert "measurement" not in missing


def test_integers_are_stable_and_small(landed: Exchange) -> None:
    ((people, low, high),) = landed.rows(
        "select count(distinct id), min(id), max(id) from marts_interop.interop_id where kind <> 'concept'"
    )
    assert people > 0
    assert low >= 1
    assert high < 2_000_000_000
    assert landed.rows("select count(*) from marts_interop.interop_id group by kind, id having count(*) > 1") == []


def test_what_is_not_mapped_keeps_its_code(landed: Exchange) -> None:
    """A local code has concept 0, a source concept of the site's own, and its text."""
    folder = landed.exports["omop"].path
    ((concept, source, value, name, vocabulary),) = duckdb.execute(
        f"select m.measurement_concept_id, m.measurement_source_concept_id, m.measurement_source_value, c.concept_code,"
        f" c.vocabulary_id from '{folder}/measurement.parquet' as m join '{folder}/concept.parquet' as c"
        " on c.concept_id = m.measurement_source_concept_id where m.measurement_source_value = 'CRP//hs'"
    ).fetchall()
    assert concept == 0
    assert source > 2_000_000_000
    assert (value, name, vocabulary) == ("CRP//hs", "CRP//hs", "local:north")


def test_a_landed_vocabulary_maps(landed: Exchange, shared_data: Path) -> None:
    """Body weight is concept 3025315 in Eunomia's own MEASUREMENT.csv, kilogram 9529."""
    folder = landed.exports["omop"].path
    found = duckdb.execute(
        f"select distinct measurement_concept_id, unit_concept_id from '{folder}/measurement.parquet'"
        " where measurement_source_value = '29463-7'"
    ).fetchall()
    assert found == [(3_025_315, 9_529)]


def test_family_history_is_not_the_persons_own(landed: Exchange) -> None:
    folder = landed.exports["omop"].path
    found = duckdb.execute(
        f"select observation_concept_id, qualifier_source_value from '{folder}/observation.parquet'"
        " where observation_source_value = 'family_history'"
    ).fetchall()
    assert found == [(4_167_217, "MTH")]
    (me,) = landed.rows(
        "select distinct person_id from core.twin_fact where source_system = 'made' and domain = 'allergy'"
    )
    own = duckdb.execute(
        f"select count(*), count(*) filter (condition_source_value = '44054006')"
        f" from '{folder}/condition_occurrence.parquet' semi join (from '{folder}/person.parquet'"
        " where person_source_value = ?) using (person_id)",
        list(me),
    )
    assert own.fetchall() == [(1, 0)]


def test_cdm_5_3_has_its_own_columns_and_comes_back(landed: Exchange, tmp_path: Path) -> None:
    """Columns after OHDSI/CommonDataModel, inst/ddl/5.3/duckdb; the reader takes the export without a loss."""
    written = omop.export(landed.settings, tmp_path / "cdm", version="5.3", snapshot=landed.before)
    folder = written.path
    assert {path.stem for path in folder.glob("*.parquet")} == {
        *landed.exports["omop"].rows,
        "attribute_definition",
    } - {
        "episode",
        "episode_event",
        "cohort",
    }
    columns = {
        name: duckdb.sql(f"from '{folder}/{name}.parquet'").columns
        for name in ("visit_occurrence", "procedure_occurrence", "measurement", "cdm_source", "attribute_definition")
    }
    assert columns["visit_occurrence"][-5:] == [
        "admitting_source_concept_id",
        "admitting_source_value",
        "discharge_to_concept_id",
        "discharge_to_source_value",
        "preceding_visit_occurrence_id",
    ]
    assert columns["procedure_occurrence"][4:7] == [
        "procedure_datetime",
        "procedure_type_concept_id",
        "modifier_concept_id",
    ]
    assert columns["measurement"][-3:] == ["measurement_source_concept_id", "unit_source_value", "value_source_value"]
    assert [len(one) for one in columns.values()] == [17, 14, 20, 10, 5]
    assert duckdb.execute(f"select cdm_version from '{folder}/cdm_source.parquet'").fetchall() == [("5.3",)]
    filled = [path for path in sorted(folder.glob("*.parquet")) if written.rows[path.stem]]
    found = {one.path.stem: one for one in preview(filled, READERS)}
    assert {name: one.records["accepted"] for name, one in found.items()} == {
        path.stem: written.rows[path.stem] for path in filled
    }

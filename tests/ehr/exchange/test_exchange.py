"""OMOP, MEDS and FHIR, in and out.

One file, because all of it is judged on one home: nothing is lost on the way in; what goes out is judged by others
(OHDSI's data definition and checks, the meds package, fhir.resources); and what comes back is equal.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from ehr.exchange import cdm, dqd, fhir, meds, omop
from ehr.exchange.folder import NotEmpty
from tests.ehr.exchange.conftest import Exchange


@pytest.fixture
def shared(landed: Exchange) -> Exchange:
    if "eunomia" not in landed.entries:
        pytest.skip("real test data (../shared/data) is not beside this checkout")
    return landed


def test_every_row_of_an_omop_database_is_read(shared: Exchange) -> None:
    """Rows of Eunomia's Synthea27Nj files, less the header."""
    read = {one.path.split("/")[1].removesuffix(".csv.gz"): one for one in shared.entries["eunomia"]}
    assert {name: (one.records_read, one.records_rejected) for name, one in read.items()} == {
        "CDM_SOURCE": (1, 0),
        "CONCEPT": (2_294, 0),
        "CONCEPT_RELATIONSHIP": (266_588, 0),
        "CONDITION_ERA": (469, 0),
        "CONDITION_OCCURRENCE": (470, 0),
        "DEATH": (3, 0),
        "DEVICE_EXPOSURE": (1, 0),
        "DRUG_EXPOSURE": (883, 0),
        "MEASUREMENT": (10_040, 0),
        "OBSERVATION": (8_099, 0),
        "OBSERVATION_PERIOD": (28, 0),
        "PERSON": (28, 0),
        "PROCEDURE_OCCURRENCE": (1_649, 0),
        "PROVIDER": (67, 0),
        "VISIT_DETAIL": (1_791, 0),
        "VISIT_OCCURRENCE": (1_791, 0),
        "VOCABULARY": (1, 0),
    }


def test_every_event_of_an_omop_database_is_a_fact(shared: Exchange) -> None:
    found = shared.rows(
        "select source_table, count(*), count(distinct source_id), count(person_id) from core.twin_fact"
        " where source_system = 'eunomia' group by 1 order by 1"
    )
    assert found == [
        ("omop_condition_occurrence", 470, 470, 470),
        ("omop_device_exposure", 1, 1, 1),
        ("omop_drug_exposure", 883, 883, 883),
        ("omop_measurement", 10_040, 10_040, 10_040),
        ("omop_observation", 8_099, 8_099, 8_099),
        ("omop_procedure_occurrence", 1_649, 1_649, 1_649),
        ("omop_visit_occurrence", 1_791, 1_791, 1_791),
    ]


def test_omop_measurements_have_code_unit_and_clock(shared: Exchange) -> None:
    """First rows of MEASUREMENT.csv: LOINC 29463-7, 48.1 kg on 2013-05-17, without a time of day."""
    ((row),) = shared.rows(
        "select code_system, code, concept, value_std, unit_std, event_at::varchar, event_precision, known_basis"
        " from core.twin_fact where source_system = 'eunomia' and source_table = 'omop_measurement' and source_id = '1'"
    )
    assert row == ("loinc", "29463-7", "body_weight", 48.1, "kg", "2013-05-17 00:00:00", "day", "imputed")
    early = shared.rows(
        "select count(*) from core.twin_fact where source_system = 'eunomia' and known_at < event_at + interval 1 day"
    )
    assert early == [(0,)], "a date without a time was known before its day was over"


def test_meds_events_of_mimic_reach_concept_and_unit(shared: Exchange) -> None:
    """`LAB//220045//bpm` is MIMIC's item for heart rate, `LAB//50912//mg/dL` its creatinine."""
    found = dict(
        shared.rows(
            "select concept, list(distinct unit_std)[1] from core.twin_fact where source_system = 'mimic_meds'"
            " and concept in ('heart_rate', 'creatinine', 'sodium') and value_std is not null group by 1"
        )
    )
    assert found == {"heart_rate": "/min", "creatinine": "mg/dL", "sodium": "mmol/L"}


def test_the_end_of_a_stay_closes_its_start(shared: Exchange) -> None:
    found = shared.rows(
        "select count(*), count(event_end_at), count(*) filter (event_end_at < event_at) from core.twin_fact"
        " where source_system = 'mimic_meds' and domain = 'encounter'"
    )
    assert found[0][0] > 3
    assert found[0][0] == found[0][1]
    assert found[0][2] == 0


def test_every_meds_event_is_a_fact_an_end_or_about_the_person(shared: Exchange) -> None:
    """Exact duplicates are one fact; an end belongs to its start; birth, death and sex are the person's."""
    (entry,) = shared.entries["mimic_meds"]
    assert (entry.format, entry.records_rejected) == ("meds", 0)
    raw = f"read_parquet('{shared.before.parent}/events.parquet')"
    ((expected,),) = shared.rows(
        f"select count(distinct (subject_id, time, code, value)) from {raw} where not"
        " regexp_matches(code, '^(MEDS_BIRTH|MEDS_DEATH|GENDER)|_DISCHARGE|^ED_OUT|^INFUSION_END|//END//|//STOP//')"
    )
    ((found,),) = shared.rows(
        "select count(distinct source_id) from core.twin_fact where source_system = 'mimic_meds' and"
        " event_at is not null and not coalesce(quality_flags, '') like '%event_from_record%'"
    )
    assert found == expected


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


def test_no_fatal_check_of_the_data_quality_dashboard_fails(landed: Exchange, shared_data: Path) -> None:
    """The control files instantiate 2,535 checks (OHDSI/DataQualityDashboard, CDM 5.4)."""
    report = dqd.check(landed.exports["omop"].path, shared_data / "ehr" / "omop_dqd_checks", 2)
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


def test_meds_passes_the_schema_of_its_package(landed: Exchange) -> None:
    from meds import CodeMetadataSchema, DataSchema, DatasetMetadataSchema

    folder = landed.exports["meds"].path
    data = pq.read_table(folder / "data" / "0.parquet")
    codes = pq.read_table(folder / "metadata" / "codes.parquet")
    DataSchema.validate(data)
    CodeMetadataSchema.validate(codes)
    DatasetMetadataSchema.validate(json.loads((folder / "metadata" / "dataset.json").read_text()))
    assert set(data["code"].to_pylist()) == set(codes["code"].to_pylist())
    order = list(zip(data["subject_id"].to_pylist(), data["time"].to_pylist(), strict=True))
    assert order == sorted(order, key=lambda one: (one[0], one[1] or datetime.min))


def test_meds_splits_are_subjects(landed: Exchange, tmp_path: Path) -> None:
    from meds import SubjectSplitSchema

    if not landed.settings.snapshot.exists():
        pytest.skip("no snapshot")
    people = landed.rows("select person_id from core.twin_person order by 1 limit 2")
    (tmp_path / "splits.csv").write_text(f"person_id,split\n{people[0][0]},train\n{people[1][0]},held_out\n")
    meds.export(landed.settings, tmp_path / "out", splits=tmp_path / "splits.csv", snapshot=landed.before)
    splits = pq.read_table(tmp_path / "out" / "metadata" / "subject_splits.parquet")
    SubjectSplitSchema.validate(splits)
    subjects = set(pq.read_table(tmp_path / "out" / "data" / "0.parquet")["subject_id"].to_pylist())
    assert set(splits["subject_id"].to_pylist()) <= subjects
    assert sorted(splits["split"].to_pylist()) == ["held_out", "train"]


def test_fhir_resources_are_valid(landed: Exchange) -> None:
    """fhir.resources 8 knows R4B, which differs from R4 in no element that is written here but those it drops."""
    from fhir.resources.R4B import get_fhir_model_class

    folder = landed.exports["fhir"].path
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {one["type"]: one["count"] for one in manifest["output"]} == {
        kind: rows for kind, rows in landed.exports["fhir"].rows.items() if rows
    }
    checked = set()
    for one in manifest["output"]:
        lines = (folder / one["url"]).read_text().splitlines()
        assert len(lines) == one["count"]
        model = get_fhir_model_class(one["type"])
        for line in lines[:: max(1, len(lines) // 40)]:
            model.model_validate_json(line)
        checked.add(one["type"])
    assert {"Patient", "Observation", "Condition", "Encounter", "FamilyMemberHistory"} <= checked


@pytest.mark.parametrize("room", [omop, meds, fhir])
def test_an_export_never_overwrites_other_files(room, landed: Exchange, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(NotEmpty, match="no earlier export"):
        room.export(landed.settings, tmp_path, snapshot=landed.before)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_export_knows_only_what_was_known(landed: Exchange, tmp_path: Path) -> None:
    """The result was 5.9 until it was corrected to 4.9 in March 2016; the diagnosis was withdrawn on the same day."""
    seen = {}
    for name, moment in (("early", datetime(2016, 1, 1)), ("now", None)):
        folder = tmp_path / name
        fhir.export(landed.settings, folder, known_at=moment, snapshot=landed.before)
        observations = [json.loads(line) for line in (folder / "Observation.000.ndjson").read_text().splitlines()]
        conditions = (folder / "Condition.000.ndjson").read_text()
        potassium = [
            one["valueQuantity"]["value"]
            for one in observations
            if one["code"].get("coding", [{}])[0].get("code") == "2823-3"
            and one["effectiveDateTime"] == "2015-02-03T08:30:00Z"
        ]
        seen[name] = (potassium, '"73211009"' in conditions)
    assert seen == {"early": ([5.9], True), "now": ([4.9], False)}


def test_a_later_death_is_not_told(landed: Exchange, tmp_path: Path) -> None:
    omop.export(landed.settings, tmp_path / "cdm", known_at=datetime(2017, 1, 1), snapshot=landed.before)
    early = duckdb.execute(f"select max(death_date) from '{tmp_path}/cdm/death.parquet'").fetchall()[0][0]
    now = duckdb.execute(f"select max(death_date) from '{landed.exports['omop'].path}/death.parquet'").fetchall()[0][0]
    assert early is None or early < datetime(2017, 1, 1).date()
    assert now >= datetime(2018, 1, 2).date()


def differences(
    both: Exchange, source: str, match: str, columns: dict[str, str], where: str = "true"
) -> tuple[int, dict[str, Any]]:
    """Facts compared, and per column how many differ (with two examples)."""
    before = f"'{both.before}'"
    pairs = f"""
        from past.core.twin_fact as old
        inner join past.marts_interop.interop_id as ids on ids.kind = 'event' and ids.key = old.fact_key
        left join core.twin_fact as new on new.source_system = '{source}' and {match}
        where old.superseded_at is null and old.op <> 'retract' and old.person_id is not null
            and old.domain not in ('order', 'not_done') and old.event_at is not null and ({where})
    """
    with duckdb.connect(str(both.home.path / "build" / "twin.duckdb"), read_only=True) as connection:
        connection.execute(f"attach {before} as past (read_only)")
        connection.execute(f"create temp table pairs as select old, new {pairs}")
        ((total, missing),) = connection.execute(
            "select count(*), count(*) filter (new.fact_key is null) from pairs"
        ).fetchall()
        found: dict[str, Any] = {"missing": missing} if missing else {}
        for name, same in columns.items():
            wrong = connection.execute(
                f"select old.domain, old.source_table, old.code, {name.split(' ')[0]!r}, old, new from pairs"
                f" where new.fact_key is not null and not coalesce({same}, false) limit 2"
            ).fetchall()
            if wrong:
                found[name] = [str(one)[:1500] for one in wrong]
    return total, found


def same(column: str) -> str:
    return f"old.{column} is not distinct from new.{column}"


def test_fhir_comes_back(returned: Exchange) -> None:
    total, found = differences(
        returned,
        "fhir",
        "new.source_id = old.fact_key",
        {
            name: same(name)
            for name in (
                "domain",
                "concept",
                "code_system",
                "code",
                "value_num",
                "comparator",
                "value_std",
                "unit_std",
                "event_at",
                "event_end_at",
                "event_precision",
            )
        }
        | {"value_text": "old.value_num is not null or old.value_text is not distinct from new.value_text"}
        | {"known_at": "old.known_basis = 'imputed' or old.known_at = new.known_at"},
        where="old.domain <> 'device'",  # FHIR's Device has no time
    )
    assert total > 20
    assert found == {}


def test_meds_comes_back(returned: Exchange) -> None:
    """Numbers to single precision, as the standard has them."""
    close = "abs(coalesce(old.value_std, old.value_num) - new.{0}) <= 1e-6 * abs(new.{0})"
    total, found = differences(
        returned,
        "meds",
        "new.source_id = old.fact_key",
        {name: same(name) for name in ("domain", "code_system", "code", "concept", "event_at", "event_end_at")}
        | {
            "value_num": f"old.value_num is null or {close.format('value_num')}",
            "value_std": f"old.value_std is null or {close.format('value_std')}",
            "unit_std": same("unit_std"),
            "comparator": same("comparator"),
            "known_at": "old.known_basis = 'imputed' or old.known_at = new.known_at",
        },
        where="old.code is not null",
    )
    assert total > 20
    assert found == {}


def test_omop_comes_back(returned: Exchange) -> None:
    """Where the CDM has the table; allergies, family history and vaccinations change theirs (ehr.exchange.lossy)."""
    total, found = differences(
        returned,
        "omop",
        "new.source_id = cast(ids.id as varchar)",
        {
            "code": "(new.code_system = old.code_system and new.code = old.code) or old.domain in ('encounter')",
            "concept": same("concept"),
            "value_std": "old.value_std is not distinct from new.value_std",
            "unit_std": same("unit_std"),
            "comparator": same("comparator"),
            "event_at": "old.event_at = new.event_at",
            "event_end_at": "old.event_end_at is not distinct from new.event_end_at or old.event_end_at < old.event_at",
        },
        where="old.domain in ('measurement', 'condition', 'medication', 'procedure', 'encounter')"
        " and old.code is not null and coalesce(old.status, '') not in ('cancelled', 'draft', 'planned', 'registered')"
        " and length(old.code) <= 50",
    )
    assert total > 20
    assert found == {}


def test_people_come_back(returned: Exchange) -> None:
    people = set(returned.rows("select birth_date, sex from core.twin_person where birth_date is not null"))
    with duckdb.connect(str(returned.home.path / "build" / "twin.duckdb"), read_only=True) as connection:
        back = connection.execute(
            "select links.source_system, people.birth_date, people.sex from core.twin_person_link as links"
            " inner join intermediate.int_person__resolved as people using (person_id)"
        ).fetchall()
    for source in ("omop", "meds", "fhir"):
        # MEDS writes a year as its first of January, and so cannot say the difference
        wanted = {one for one in people if source != "meds" or (one[0].month, one[0].day) != (1, 1)}
        assert {(birth, sex) for system, birth, sex in back if system == source} >= wanted, source


def test_the_command_line_says_the_same(
    landed: Exchange, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from orchestration.cli.program import app

    monkeypatch.setenv("TWIN_HOME", str(landed.settings.home))
    controls = str(shared_data / "ehr" / "omop_dqd_checks")

    def twin(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, list(arguments))
        return done.exit_code, done.stdout

    status, said = twin("omop", "check", str(landed.exports["omop"].path), "--controls", controls, "--failed", "--json")
    assert (status, json.loads(said)["checks_run"], json.loads(said)["fatal"]) == (0, 2_535, 0)
    status, said = twin("export", "meds", str(tmp_path / "meds"), "--json")
    assert (status, json.loads(said)["rows"]) == (0, landed.exports["meds"].rows)
    assert twin("export", "fhir", str(tmp_path / "fhir"), "--known-at", "yesterday")[0] == 2
    assert twin("omop", "check", str(tmp_path / "meds"), "--controls", controls)[0] == 1
    (tmp_path / "mine.txt").write_text("keep")
    assert twin("export", "fhir", str(tmp_path))[0] == 2

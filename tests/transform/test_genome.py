"""Genome results in core: whose they are, since when they are known, and the check of a sample's sex."""

from __future__ import annotations

from datetime import date, datetime

import pytest

INGESTED, REPORTED = datetime(2026, 7, 1, 8), datetime(2016, 3, 1)


@pytest.fixture(scope="module")
def home(new_home):
    home = new_home()
    delivery = {"source": "genome", "file_id": "vcf"}
    home.put("landing_file", [{"file_id": "vcf", "source": "genome", "status": "ingested", "ingested_at": INGESTED}])
    home.put(
        "person_record",
        [
            {
                "person_key": "S1", "id_type": "sample", "sex": "male", "family": "Doe", "given": "Jo",
                "assay": "wgs30x",
                "birth_date": date(1960, 1, 1), "collected_date": date(2016, 2, 1), "recorded_at": at,
                "source": "genome", "file_id": file,
            }
            for at, file in ((REPORTED, "sheet"), (datetime(2020, 1, 1), "sheet again"))
        ],
    )  # fmt: skip
    home.put(
        "genome_sample",
        [
            {"sample": name, "build": "GRCh38", "file_format": "vcf", "n_records": 10, **delivery}
            for name in ("S1", "S2")
        ],
    )
    home.put(
        "genome_sample_qc",
        [{"source": "genome", "sample": name, "inferred_sex": "female", "status": "ok"} for name in ("S1", "S2")],
    )
    home.put(
        "genome_score",
        [
            {
                "source": "genome",
                "sample": name,
                "pgs_id": "P",
                "z": 1.5,
                "n_weights": 9,
                "n_matched": 8,
                "status": "ok",
            }
            for name in ("S1", "S2")
        ],
    )
    home.put(
        "genome_marker", [{"source": "genome", "sample": "S1", "marker": "apoe", "value": "e3/e4", "status": "called"}]
    )
    home.dbt(
        "build",
        "--select",
        "+core.genomics",
        "--indirect-selection",
        "cautious",
        "--exclude-resource-type",
        "unit_test",
    )
    return home


def test_a_result_is_known_since_the_first_report_or_else_since_it_came(home):
    rows = home.query(
        "select sample, z, known_at, known_basis, person_id is not null from core.twin_genome_score order by 1"
    )
    assert rows == [("S1", 1.5, REPORTED, "recorded", True), ("S2", 1.5, INGESTED, "imputed", True)]


def test_a_marker_belongs_to_the_person_of_its_sample(home):
    linked = home.query(
        "select m.value from core.twin_genome_marker m join core.twin_person_link l"
        " on l.person_id = m.person_id and l.source_person_key = 'S1'"
    )
    assert linked == [("e3/e4",)]


def test_a_sex_that_disagrees_is_told(home):
    rows = home.query("select sample, assay, collected_date, sex_check from core.twin_genome_sample order by 1")
    assert rows == [("S1", "wgs30x", date(2016, 2, 1), "differs"), ("S2", None, None, "unknown")]

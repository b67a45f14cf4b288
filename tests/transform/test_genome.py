"""Genome results in core: whose they are, since when they are known, whether they may be told, and alarms."""

from __future__ import annotations

from datetime import date, datetime

import pytest

INGESTED, REPORTED = datetime(2026, 7, 1, 8), datetime(2016, 3, 1)
PEOPLE = {"A": ("Doe", "Jo", date(1960, 1, 1)), "B": ("Brown", "Peter", date(1971, 5, 6))}
SAMPLES = ("S1", "S2", "S5", "S6")


@pytest.fixture(scope="module")
def home(new_home):
    home = new_home()
    delivery = {"source": "genome", "file_id": "vcf"}
    home.put("landing_file", [{"file_id": "vcf", "source": "genome", "status": "ingested", "ingested_at": INGESTED}])
    # S1's sheet came twice; S5 is a later sample of the same person, S6 withdrew, S7 never said anything
    sheets = [
        ("S1", "A", REPORTED, "sheet", None),
        ("S1", "A", datetime(2020, 1, 1), "sheet again", "yes"),
        ("S5", "A", datetime(2021, 1, 1), "sheet", "YES"),
        ("S6", "B", datetime(2018, 1, 1), "sheet", "yes"),
        ("S6", "B", datetime(2019, 1, 1), "sheet again", "no"),
    ]
    home.put(
        "person_record",
        [
            {
                "person_key": sample, "id_type": "sample", "sex": "male", "assay": "wgs30x",
                "findings_consent": consent, "other_system": "riverside", "other_key": f"M{person}",
                **dict(zip(("family", "given", "birth_date"), PEOPLE[person], strict=True)),
                "collected_date": date(2016, 2, 1), "recorded_at": at, "source": "genome", "file_id": file,
            }
            for sample, person, at, file, consent in sheets
        ],
    )  # fmt: skip
    home.put(
        "genome_sample",
        [{"sample": name, "build": "GRCh38", "file_format": "vcf", "n_records": 10, **delivery} for name in SAMPLES],
    )
    home.put(
        "genome_sample_qc",
        [
            {"source": "genome", "sample": name, "inferred_sex": "female" if name in ("S1", "S2") else "unknown",
             "status": "ok"}
            for name in SAMPLES
        ],
    )  # fmt: skip
    home.put(
        "genome_relative",
        [
            {"source": "genome", "sample": "S1", "other_source": "genome", "other_sample": "S2", "build": "GRCh38",
             "n_sites": 900, "concordance": 1.0, "kinship": 0.5, "relation": "same_genome"},
        ],
    )  # fmt: skip
    home.put(
        "genome_fingerprint",
        [
            {"source": "genome", "sample": name, "build": "GRCh38", "n_assessed": 150, "dosages": dosages}
            for name, dosages in (("S1", [0, 1, 2] * 50), ("S5", [0, 1, 1] * 50), ("S6", [0, 1, 2] * 50))
        ],
    )  # fmt: skip
    home.put(
        "genome_finding",
        [
            {"source": "genome", "sample": name, "gene": gene, "chrom": "1", "pos": 1, "ref": "A", "alt": "C",
             "is_secondary": gene == "BRCA2", "status": "reportable" if gene == "BRCA2" else "not_on_list"}
            for name, gene in (("S1", "BRCA2"), ("S2", "BRCA2"), ("S6", "BRCA2"))
        ]
        + [{"source": "genome", "sample": "S6", "gene": "ZZZ3", "chrom": "2", "pos": 1, "ref": "A", "alt": "C",
            "is_secondary": False, "status": "not_on_list"}],
    )  # fmt: skip
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
        "+genome_alarm",
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
    rows = home.query(
        "select sample, assay, collected_date, sex_check from core.twin_genome_sample where sample in ('S1', 'S2')"
        " order by 1"
    )
    assert rows == [("S1", "wgs30x", date(2016, 2, 1), "differs"), ("S2", None, None, "unknown")]


def test_nothing_on_the_list_is_told_without_consent(home):
    # S1 said yes at last, S6 withdrew, S2 was never asked
    assert home.query("select sample, gene from core.twin_genome_finding order by 1") == [
        ("S1", "BRCA2"),
        ("S6", "ZZZ3"),
    ]
    withheld = "select sample, has_findings_consent, n_findings_withheld from core.twin_genome_sample order by 1"
    assert home.query(withheld) == [("S1", True, 0), ("S2", False, 1), ("S5", True, 0), ("S6", False, 1)]


def test_samples_of_one_person_are_held_against_each_other(home):
    rows = home.query(
        "select sample, other_sample, is_one_person, relation, n_sites, round(concordance, 3), kinship"
        " from core.twin_genome_relative order by 1, 2"
    )
    assert rows == [
        ("S1", "S2", False, "same_genome", 900, 1.0, 0.5),
        ("S1", "S5", True, "different_genomes", 150, 0.667, None),
    ]


def test_alarms_say_what_to_doubt(home):
    rows = home.query(
        "select alarm, sample, other_sample, person_id = other_person_id, known_at"
        " from marts_monitoring.genome_alarm order by 1"
    )
    assert rows == [
        ("same_genome_two_people", "S1", "S2", False, INGESTED),
        ("sex_differs", "S1", None, None, REPORTED),
        ("two_genomes_one_person", "S1", "S5", True, datetime(2021, 1, 1)),
    ]

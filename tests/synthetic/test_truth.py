"""The truth folder agrees with itself and with what was delivered."""

from __future__ import annotations

import csv
import json

import pyarrow.parquet as pq
import pytest

from lake.settings import Settings
from synthetic.dirt import OUTCOMES
from tests.synthetic.conftest import PEOPLE


def _rows(settings: Settings, name: str) -> list[dict]:
    return pq.read_table(settings.truth / f"{name}.parquet").to_pylist()


def test_every_delivered_identity_is_in_the_map_once(population: Settings) -> None:
    rows = _rows(population, "identity")
    keys = [(row["source_system"], row["source_person_key"]) for row in rows]
    assert len(set(keys)) == len(keys)
    delivered = set()
    for export in ("st_anne", "st_anne/delta_2026-06"):
        for path in (population.landing / export).glob("Patient*.ndjson"):
            delivered |= {("st_anne", json.loads(line)["id"]) for line in path.read_text().splitlines()}
    for source, path, column in (
        ("riverside", "riverside/patients.csv", "mrn"), ("enrolment", "enrolment/accounts.csv", "account_id"),
        ("genome", "genome/sample_sheet.csv", "sample_id"),
    ):  # fmt: skip
        delivered |= {(source, row[column]) for row in csv.DictReader((population.landing / path).open(newline=""))}
    assert delivered == set(keys)
    assert {row["true_person"] for row in rows} <= {f"T{i:07d}" for i in range(PEOPLE)}
    linked = {row["true_person"] for row in rows if row["source_system"] in ("st_anne", "riverside")}
    assert len(linked) == PEOPLE


def test_account_folders_are_accounts(population: Settings) -> None:
    accounts = {
        (row["platform"], row["account_id"])
        for row in csv.DictReader((population.landing / "enrolment/accounts.csv").open(newline=""))
    }
    folders = {
        (folder.parent.name, folder.name.removeprefix("account="))
        for platform in ("apple_health", "fitbit", "open_mhealth", "dexcom", "garmin")
        for folder in (population.landing / platform).glob("account=*")
    }
    assert folders == accounts


def test_nobody_falls_ill_after_death(population: Settings) -> None:
    rows = _rows(population, "onset")
    death = {row["true_person"]: row["onset_date"] for row in rows if row["condition"] == "death"}
    assert death
    for row in rows:
        if row["condition"] not in ("death", "left_region") and row["true_person"] in death:
            assert row["onset_date"] <= death[row["true_person"]]


def test_risks_are_probabilities_of_people_at_risk(population: Settings) -> None:
    onset = {(r["true_person"], r["condition"]): r["onset_date"] for r in _rows(population, "onset")}
    rows = _rows(population, "risk")
    assert {row["task"] for row in rows} == {"t2d_5y", "ascvd_10y"}
    assert sorted({str(row["index_date"]) for row in rows}) == [f"{y}-07-01" for y in range(2016, 2022)]
    for row in rows:
        assert 0 < row["risk"] < 1
        for condition in ("t2d",) if row["task"] == "t2d_5y" else ("mi", "chd", "stroke"):
            began = onset.get((row["true_person"], condition))
            assert began is None or began >= row["index_date"]


def test_effects_are_those_of_the_scoring_files_within_their_noise(population: Settings) -> None:
    import gzip

    import numpy as np

    true = {(r["trait"], r["rsid"]): (r["alt"], r["effect_per_alt"]) for r in _rows(population, "effects")}
    for name, trait in (("PGS_T2D_DEMO", "t2d"), ("PGS_CAD_DEMO", "cad"), ("PGS_AF_DEMO", "af")):
        text = gzip.decompress((population.landing / f"reference/pgs/{name}.txt.gz").read_bytes()).decode()
        rows = list(csv.DictReader([line for line in text.splitlines() if line[0] != "#"], delimiter="\t"))
        pairs = []
        for row in rows:
            if (trait, row["rsID"]) in true:
                alt, effect = true[trait, row["rsID"]]
                weight = float(row["effect_weight"])
                pairs.append((effect, weight if row["effect_allele"] == alt else -weight))
        assert len(pairs) == len(rows) - 3
        assert np.corrcoef(np.array(pairs).T)[0, 1] > 0.93


def test_dirt_is_listed_one_by_one_and_found_where_it_is_said_to_be(population: Settings, dirt: list[dict]) -> None:
    assert {case["outcome"] for case in dirt} <= set(OUTCOMES)
    kinds = {case["case"] for case in dirt}
    assert {
        "glucose_in_mmol", "weight_in_pounds", "hba1c_in_mmol_mol", "glucose_mmol_called_mg", "unknown_unit",
        "duplicate_in_file", "late_result", "correction", "retracted_diagnosis", "half_call", "comparator",
        "truncated_json", "not_a_resource", "deleted_resource", "observation_in_error", "sensor_range",
    } <= kinds  # fmt: skip
    content = {}
    for case in dirt:
        path = population.landing / case["file"]
        assert path.is_file(), case
        if path.suffix in (".ndjson", ".csv") and not case["record"].startswith("line "):
            content.setdefault(path, path.read_text(encoding="utf-8-sig"))
            assert case["record"] in content[path], case


@pytest.mark.parametrize("case", ["glucose_in_mmol", "hba1c_in_mmol_mol", "weight_in_pounds", "creatinine_in_umol"])
def test_converted_values_follow_from_what_is_written(population: Settings, dirt: list[dict], case: str) -> None:
    """Factors of the IFCC/NGSP master equation and of molar masses (glucose 180.156, creatinine 113.12 g/mol)."""
    factor = {
        "glucose_in_mmol": lambda x: x * 18.0156, "hba1c_in_mmol_mol": lambda x: 0.09148 * x + 2.152,
        "weight_in_pounds": lambda x: x * 0.45359237, "creatinine_in_umol": lambda x: x / 88.40,
    }[case]  # fmt: skip
    found = [d["expected"] for d in dirt if d["case"] == case]
    assert found
    for expected in found:
        assert expected["value_std"] == pytest.approx(factor(float(expected["value_src"])), rel=0.002)

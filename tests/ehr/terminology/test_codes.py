"""Codes: check digits, stored forms, and maps that a site lands."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from ehr.readers import READERS
from ehr.terminology.codes import UnknownSystem, check
from ehr.terminology.sql import TRANSFORM
from lake.ingest import ingest
from lake.landing import describe
from lake.settings import Settings
from orchestration.cli import app


def published(folder: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(folder / name, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def broken(code: str) -> str:
    """The same code with another last digit."""
    return code[:-1] + str((int(code[-1]) + 1) % 10)


def test_loinc_check_digits_of_a_published_map(shared_data: Path) -> None:
    """Codes of the MIMIC item map (OMOP); each with another check digit is wrong. Letters mean parts, not codes."""
    path = shared_data / "ehr/code_maps/mimic_concept_map/d_labitems_to_loinc.csv"
    with path.open(encoding="utf-8", newline="") as file:
        codes = sorted(
            {row["omop_concept_code"] for row in csv.DictReader(file) if row["omop_concept_code"][:1].isdigit()}
        )
    codes = [code for code in codes if "-" in code]
    assert len(codes) > 500
    assert [one.code for one in check("loinc", codes) if one.problem] == []
    assert {one.problem for one in check("loinc", map(broken, codes))} == {"check_digit"}


def test_snomed_check_digits_of_a_synthetic_export(shared_data: Path) -> None:
    """Codes of Synthea's conditions and procedures come from SNOMED CT, but for one that was mistyped there: unhealthy
    alcohol drinking behaviour is 10939881000119105."""
    folder = shared_data / "ehr/synthea_csv_27"
    codes = sorted(
        {row["CODE"] for name in ("conditions", "procedures") for row in published(folder, f"{name}.csv.gz")}
    )
    assert len(codes) > 100
    mistyped = "10939881000119104"
    assert [one.code for one in check("http://snomed.info/sct", codes) if one.problem] == [mistyped]
    codes.remove(mistyped)
    assert {one.problem for one in check("snomed", map(broken, codes))} == {"check_digit"}


def test_icd10_and_atc_forms_of_the_published_lists(shared_data: Path) -> None:
    """Every twentieth code."""
    folder = shared_data / "ehr/code_maps"
    codes = [row["code"] for row in published(folder, "icd10cm-order-Jan-2021.csv.gz")[::20]]
    assert [one.code for one in check("icd10cm", codes) if one.problem] == []
    atc = [row["atc_code"] for row in published(folder, "atc_coding.csv.gz")]
    assert [one.code for one in check("atc", atc) if one.problem] == []
    icd9 = [row["icd_9"] for row in published(folder, "icd_cm_9_to_10_mapping.csv.gz")[::20]]
    assert [one.code for one in check("icd9cm", icd9) if one.problem] == []


@pytest.mark.parametrize(
    ("code", "key", "problem"),
    [
        # the three ten-digit forms of 21 CFR 207.33 and the eleven digits of claims
        ("0002-7597-01", "00002759701", None),
        ("50242-040-62", "50242004062", None),
        ("60575-4112-1", "60575411201", None),
        ("24987026010", "24987026010", None),
        ("24987-0260-10", "24987026010", None),
        ("0002759701", "0002759701", "ambiguous"),
        ("1-2-3", "1-2-3", "form"),
        ("2498702601", "2498702601", "ambiguous"),
    ],
)
def test_ndc_becomes_eleven_digits_or_is_refused(code: str, key: str, problem: str | None) -> None:
    (found,) = check("ndc", [code])
    assert (found.key, found.problem) == (key, problem)


def test_every_code_of_the_seeds_is_possible() -> None:
    by_system: dict[str, list[str]] = {}
    for name, system, code in (
        ("concept_code", "code_system", "code"),
        ("answer", "code_system", "code"),
        ("code_map", "source_code_system", "source_code"),
        ("code_map", "target_code_system", "target_code"),
        ("units/analyte_code", "code_system", "code"),
    ):
        with (TRANSFORM / "seeds" / f"{name}.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                if row.get("match") != "prefix":
                    by_system.setdefault(row[system], []).append(row[code])
    for system in ("loinc", "snomed", "rxnorm", "icd10cm", "icd9cm"):
        assert by_system[system]
        assert [one.code for one in check(system, by_system[system]) if one.problem] == []


def test_the_own_map_agrees_with_the_published_one(shared_data: Path) -> None:
    """General equivalence mapping: the pair is there, and approximate exactly where ours says so."""
    gem = {
        (row["icd_9"], row["icd_10"]): row["flags"]
        for row in published(shared_data / "ehr/code_maps", "icd_cm_9_to_10_mapping.csv.gz")
    }
    with (TRANSFORM / "seeds" / "code_map.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            flags = gem[row["source_code"], row["target_code"]]
            assert (row["equivalence"] == "inexact") == (flags[0] == "1"), row


def test_a_landed_map_is_staged_whole(settings: Settings, shared_data: Path) -> None:
    source = shared_data / "ehr/code_maps/icd_cm_9_to_10_mapping.csv.gz"
    path = settings.landing / "terminology" / source.name
    path.parent.mkdir(parents=True)
    path.symlink_to(source)
    (entry,) = ingest(settings, READERS, {}, [describe(settings, path)])
    rows = published(source.parent, source.name)
    assert (entry.notes["mapping"], entry.records_accepted, entry.records_rejected) == (
        "gem_icd9cm_icd10cm",
        len(rows),
        0,
    )
    staged = pq.read_table(settings.raw / "concept_map" / f"{entry.file_id}.parquet").to_pylist()
    assert [(one["source_code"], one["flags"]) for one in staged] == [(one["icd_9"], one["flags"]) for one in rows]


def test_the_command() -> None:
    runner = CliRunner()
    outcome = runner.invoke(app, ["code", "check", "loinc", "4548-4", "4548-5", "--json"])
    assert outcome.exit_code == 1
    first, second = json.loads(outcome.stdout)
    assert (first["concept"], first["canonical_unit"], first["problem"]) == ("hba1c", "%", None)
    assert second["problem"] == "check_digit"
    assert runner.invoke(app, ["code", "check", "icd10cm", "E11.9"]).exit_code == 0
    assert runner.invoke(app, ["code", "check", "nonsense", "1"]).exit_code == 2
    with pytest.raises(UnknownSystem):
        check("nonsense", ["1"])

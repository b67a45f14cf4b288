"""Test cases of quality measures: what is a case, what it is compared with, and that cases stay apart."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ehr.fhir.cases import layers, read_cases, write_layer


def patient(key: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": key}


def encounter(key: str, of: str) -> dict[str, Any]:
    return {"resourceType": "Encounter", "id": key, "subject": {"reference": f"Patient/{of}"}}


def report(of: str, numerator: int = 1) -> dict[str, Any]:
    populations = {"initial-population": 1, "numerator": numerator}
    return {
        "resourceType": "MeasureReport",
        "measure": "https://example.org/Measure/CMS122FHIR|0.5.000",
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
        "subject": {"reference": f"Patient/{of}"},
        "group": [
            {"population": [{"code": {"coding": [{"code": one}]}, "count": n} for one, n in populations.items()]}
        ],
    }


def bundle(*resources: dict[str, Any]) -> str:
    return json.dumps({"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}, indent=1)


def test_a_bundle_is_a_case_with_its_expectation(tmp_path: Path) -> None:
    (tmp_path / "deck").mkdir()
    (tmp_path / "deck" / "one.json").write_text(bundle(patient("p1"), encounter("e1", "p1"), report("p1")))
    (case,), problems = read_cases([tmp_path / "deck"], tmp_path / "work")
    assert problems == []
    assert (case.name, case.patient_id) == ("one", "p1")
    assert [one["resourceType"] for one in case.resources] == ["Patient", "Encounter"]
    (expected,) = case.expected
    assert (expected.measure, expected.period_start) == ("CMS122FHIR", date(2026, 1, 1))
    assert expected.populations == {"initial-population": 1, "numerator": 1}


def test_lines_with_a_case_id_are_put_together(tmp_path: Path) -> None:
    lines = [{"case_id": "a", "resource": encounter("e1", "p1")}, {"case_id": "a", "resource": patient("p1")}]
    path = tmp_path / "deck.ndjson.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    (case,), problems = read_cases([path], tmp_path / "work")
    assert (case.name, len(case.resources), problems) == ("a", 2, [])


def test_a_report_beside_the_bundle_finds_its_patient(tmp_path: Path) -> None:
    deck = tmp_path / "deck"
    for name in ("p1", "p2"):
        (deck / name).mkdir(parents=True)
        (deck / name / "case.json").write_text(bundle(patient(name)))
    (deck / "report.json").write_text(json.dumps(report("p2", numerator=0)))
    cases, problems = read_cases([deck], tmp_path / "work")
    assert problems == []
    assert {case.patient_id: [one.populations["numerator"] for one in case.expected] for case in cases} == {
        "p1": [],
        "p2": [0],
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bundle(patient("p1"), patient("p2")), "2 patients"),
        (bundle(encounter("e1", "p1")), "0 patients"),
        (json.dumps(patient("p1")), "outside a Bundle"),
        (json.dumps(report("nobody")), "no case here"),
        ("{", "not JSON"),
        ("[1]", "no object"),
    ],
)
def test_what_is_no_case_is_named(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "bad.json").write_text(content)
    cases, problems = read_cases([tmp_path / "bad.json"], tmp_path / "work")
    assert cases == []
    assert reason in problems[0].reason
    assert problems[0].file.name == "bad.json"


def test_cases_that_share_ids_are_kept_apart(tmp_path: Path) -> None:
    deck = tmp_path / "deck"
    deck.mkdir()
    (deck / "a.json").write_text(bundle(patient("p1"), encounter("e1", "p1")))
    (deck / "b.json").write_text(bundle(patient("p2"), encounter("e1", "p2")))
    (deck / "c.json").write_text(bundle(patient("p3"), encounter("e3", "p3")))
    cases, _ = read_cases([deck], tmp_path / "work")
    assert [[one.name for one in layer] for layer in layers(cases)] == [["a", "c"], ["b"]]
    write_layer(layers(cases)[0], tmp_path / "out")
    assert len((tmp_path / "out" / "Patient.ndjson").read_text().splitlines()) == 2


def test_a_resource_of_another_patient_is_named_and_meets_nobody(tmp_path: Path) -> None:
    deck = tmp_path / "deck"
    deck.mkdir()
    (deck / "a.json").write_text(bundle(patient("p1"), encounter("e1", "p2")))
    (deck / "b.json").write_text(bundle(patient("p2")))
    cases, problems = read_cases([deck], tmp_path / "work")
    assert "Encounter/e1 is about another patient" in problems[0].reason
    assert len(layers(cases)) == 2

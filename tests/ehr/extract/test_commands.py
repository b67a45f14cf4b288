"""``twin map``: what a mapping would do to a file, before it is landed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestration.cli import app

MAPPING = """
mappings:
  - name: clinic_labs
    description: One row per laboratory result of a clinic.
    files: ["clinic*.csv"]
    table: lab_result
    columns:
      - {to: patient_id, from: patno, required: true}
      - {to: code_system, constant: local}
      - {to: code, from: test, required: true}
      - {to: value_num, from: result}
      - {to: collected_at, from: taken}
"""
LABS = """patno,test,result,taken,remark
7,GLU,5.5,2024-01-02 08:00,x
,GLU,5.5,2024-01-02 08:00,x
8,GLU,SECRET,2024-01-02 08:00,x
"""


def twin(home: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), "map", *map(str, arguments)])


@pytest.fixture
def mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TWIN_HOME", str(tmp_path / "home"))
    path = tmp_path / "clinic.yaml"
    path.write_text(MAPPING)
    return path


@pytest.mark.parametrize("name", ["clinic.csv", "clinic.csv.gz"])
def test_a_check_counts_and_explains_without_showing_values(mapping: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(gzip.compress(LABS.encode()) if name.endswith(".gz") else LABS.encode())
    outcome = twin(tmp_path / "home", "check", mapping, file, "--json")
    assert outcome.exit_code == 1
    (report,) = json.loads(outcome.stdout)
    assert (report["read"], report["accepted"], report["rejected"], report["clean"]) == (3, 1, 2, False)
    columns = {one["to"]: one for one in report["columns"]}
    assert columns["patient_id"]["rejected"] == {"missing_value": 1}
    assert columns["value_num"]["rejected"] == {"invalid_number": 1}
    assert columns["code_system"]["origin"] == "constant 'local'"
    assert report["columns_not_mapped"] == ["remark"]
    assert "SECRET" not in outcome.stdout + outcome.stderr
    assert "SECRET" not in twin(tmp_path / "home", "check", mapping, file).output


def test_a_clean_file_exits_0_and_a_shipped_mapping_has_a_name(mapping: Path, tmp_path: Path) -> None:
    file = tmp_path / "patients.csv"
    file.write_text("mrn,family_name,birth_date\n7,Doe,1970-01-01\n")
    outcome = twin(tmp_path / "home", "check", "people", file)
    assert outcome.exit_code == 0, outcome.output
    assert "1 records: 1 accepted, 0 rejected" in outcome.output


def test_a_file_that_does_not_fit_is_refused_with_the_reason(mapping: Path, tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("a,b\n1,2\n")
    outcome = twin(tmp_path / "home", "check", mapping, file, "--json")
    assert outcome.exit_code == 1
    assert json.loads(outcome.stdout)[0]["refused"].startswith("missing_column")


def test_wrong_usage(mapping: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    bad = tmp_path / "bad.yaml"
    bad.write_text("mappings: [{name: X}]")
    for wrong in ("nonsense", tmp_path / "none.yaml", bad):
        outcome = twin(tmp_path / "home", "check", wrong, file)
        assert (outcome.exit_code, len(outcome.stderr.strip().splitlines())) == (2, 1), outcome.output


def test_mappings_are_listed(mapping: Path, tmp_path: Path) -> None:
    listed = json.loads(twin(tmp_path / "home", "list", "--json").stdout)
    assert {"labs", "people", "synthea_patients", "mimic_iv_labevents"} <= {one["mapping"] for one in listed}

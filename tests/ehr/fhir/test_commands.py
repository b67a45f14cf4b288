"""``twin fhir``: any view on any NDJSON, without landing it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from orchestration.cli import app

VIEW: dict[str, Any] = {
    "resourceType": "ViewDefinition",
    "resource": "Patient",
    "select": [
        {"column": [{"name": "id", "path": "getResourceKey()"}, {"name": "born", "path": "birthDate"}]},
        {"forEachOrNull": "name", "column": [{"name": "family", "path": "family"}]},
    ],
}
LINES = (
    '{"resourceType":"Patient","id":"p1","birthDate":"1970","name":[{"family":"Doe"},{"family":"Roe"}]}\n'
    '{"resourceType":"Patient","id":"p2"}\n'
)
ROWS = [
    {"id": "p1", "born": "1970", "family": "Doe"},
    {"id": "p1", "born": "1970", "family": "Roe"},
    {"id": "p2", "born": None, "family": None},
]


def twin(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["fhir", *map(str, arguments)])


@pytest.fixture
def view(tmp_path: Path) -> Path:
    path = tmp_path / "view.json"
    path.write_text(json.dumps(VIEW))
    return path


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """One export in three files: plain, gzip and zstd."""
    (tmp_path / "a.ndjson").write_text(LINES)
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(LINES.encode()))
    (tmp_path / "c.ndjson.zst").write_bytes(pa.compress(LINES.encode(), codec="zstd", asbytes=True))
    return tmp_path


def test_a_view_of_any_file_and_compression(view: Path, export: Path) -> None:
    files = (export / "a.ndjson", export / "b.ndjson.gz", export / "c.ndjson.zst")
    for paths in (files[:1], files[1:2], files[2:], files):
        outcome = twin("view", view, *paths, "--json")
        assert outcome.exit_code == 0, outcome.output
        found = json.loads(outcome.stdout)
        assert sorted(map(str, found)) == sorted(map(str, ROWS * len(paths)))


@pytest.mark.parametrize("suffix", ["parquet", "csv", "ndjson"])
def test_a_view_writes_files(view: Path, export: Path, suffix: str) -> None:
    target = export / f"out.{suffix}"
    outcome = twin("view", view, export / "a.ndjson", "--out", target, "--json")
    assert json.loads(outcome.stdout)["rows"] == 3
    if suffix == "parquet":
        assert pq.read_table(target).to_pylist() == ROWS
    else:
        assert duckdb.sql(f"select count(*) from '{target}'").fetchall() == [(3,)]


def test_the_printed_statement_runs_and_gives_the_same(view: Path, export: Path) -> None:
    outcome = twin("sql", view, "--path", export / "a.ndjson")
    assert outcome.exit_code == 0, outcome.output
    assert duckdb.sql(outcome.stdout).to_arrow_table().to_pylist() == ROWS
    assert json.loads(twin("sql", view, "--json").stdout)["resource"] == "Patient"


def test_an_element_that_fhir_does_not_have_is_named(tmp_path: Path, export: Path) -> None:
    path = tmp_path / "typo.json"
    select = [{"column": [{"name": "n", "path": "nmae"}]}]
    path.write_text(json.dumps({"resource": "Patient", "select": select}))
    assert "Patient.nmae" in twin("sql", path).stderr


def test_a_view_without_rows_says_what_the_files_hold(tmp_path: Path, view: Path, export: Path) -> None:
    other = tmp_path / "observations.json"
    select = [{"column": [{"name": "id", "path": "id"}]}]
    other.write_text(json.dumps({"resource": "Observation", "select": select}))
    outcome = twin("view", other, export / "a.ndjson", "--json")
    assert (outcome.exit_code, json.loads(outcome.stdout)) == (0, [])
    assert "the view reads Observation, and there is none; the files hold" in outcome.stderr
    assert "Patient" in outcome.stderr
    where = tmp_path / "nobody.json"
    where.write_text(json.dumps({"resource": "Patient", "select": select, "where": [{"path": "id = 'nobody'"}]}))
    assert "no Patient passes the view's where" in twin("view", where, export / "a.ndjson").stderr


def test_what_is_wrong_decides_the_exit_status(view: Path, export: Path) -> None:
    (export / "bad.ndjson").write_text(LINES + "{not json\n")
    (export / "bad_view.json").write_text('{"resource": "Patient", "select": []}')
    assert twin("view", view, export / "bad.ndjson").exit_code == 1
    for wrong in (("view", export / "bad_view.json", export / "a.ndjson"), ("view", view, export / "none*.ndjson")):
        outcome = twin(*wrong)
        assert (outcome.exit_code, len(outcome.stderr.strip().splitlines())) == (2, 1), outcome.output

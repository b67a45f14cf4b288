"""Run the SQL-on-FHIR v2 test suite and report it in the suite's own format (test-report.schema.json)."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from ehr.fhir.errors import CompileError
from ehr.fhir.run import run_view

Report = dict[str, dict[str, list[dict[str, Any]]]]


def report(folder: Path) -> Report:
    """Run every case of the suite's ``*.json`` files.

    Returns:
        File name → ``{"tests": [{"name", "result": {"passed", "error"?, "details": {"tags"}}}]}``.

    Raises:
        FileNotFoundError: the folder holds no test files.
        ValueError: a file is not one of the suite's.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise FileNotFoundError(f"no *.json test files in {folder}")
    found: Report = {}
    with tempfile.TemporaryDirectory() as scratch:
        for file in files:
            suite = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(suite, dict) or not {"resources", "tests"} <= suite.keys():
                raise ValueError(f"{file.name} is no SQL-on-FHIR test file: it has no resources and tests")
            resources = Path(scratch) / f"{file.stem}.ndjson"
            resources.write_text("".join(json.dumps(one) + "\n" for one in suite["resources"]), encoding="utf-8")
            found[file.name] = {"tests": [_case(test, resources) for test in suite["tests"]]}
    return found


def totals(found: Report) -> tuple[int, int]:
    """Passed cases and all cases."""
    results = [one["result"]["passed"] for suite in found.values() for one in suite["tests"]]
    return sum(results), len(results)


def judge(test: dict[str, Any], resources: Path) -> str | None:
    """Run one case; return what is wrong, or ``None``."""
    try:
        table = run_view(test["view"], resources)
    except (CompileError, duckdb.Error) as error:
        return None if test.get("expectError") else f"{type(error).__name__}: {error}"
    if test.get("expectError"):
        return "expected an error"
    if "expectCount" in test and table.num_rows != test["expectCount"]:
        return f"expected {test['expectCount']} rows, got {table.num_rows}"
    if "expectColumns" in test and table.column_names != test["expectColumns"]:
        return f"expected columns {test['expectColumns']}, got {table.column_names}"
    if "expect" in test and _rows(table.to_pylist()) != _rows(test["expect"]):
        return f"expected {test['expect']}, got {table.to_pylist()}"
    return None


def _case(test: dict[str, Any], resources: Path) -> dict[str, Any]:
    problem = judge(test, resources)
    result: dict[str, Any] = {"passed": problem is None}
    if problem:
        result["error"] = problem
    return {"name": test["title"], "result": {**result, "details": {"tags": test.get("tags", [])}}}


def _plain(value: Any) -> Any:
    """A result value with the equality of JSON: 5 and 5.0 are the same number."""
    if isinstance(value, list):
        return tuple(_plain(one) for one in value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _rows(rows: list[dict[str, Any]]) -> Counter[Any]:
    return Counter(frozenset((name, _plain(value)) for name, value in row.items()) for row in rows)

"""The official SQL-on-FHIR v2 test suite; results are also written in the suite's own report format."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ehr.fhir import CompileError, run_view

REPORT = Path(__file__).resolve().parents[2] / "bench_results" / "sql_on_fhir_test_report.json"


def _plain(value: Any) -> Any:
    """A result value with the equality of JSON: 5 and 5.0 are the same number."""
    if isinstance(value, list):
        return tuple(_plain(one) for one in value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _rows(rows: list[dict[str, Any]]) -> Counter[Any]:
    return Counter(frozenset((name, _plain(value)) for name, value in row.items()) for row in rows)


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


def test_suite_passes(shared_data: Path, tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    """Every shareable and experimental case of the suite (FHIR/sql-on-fhir-v2)."""
    report: dict[str, Any] = {}
    for file in sorted((shared_data / "ehr" / "sql_on_fhir_v2" / "tests").glob("*.json")):
        suite = json.loads(file.read_text(encoding="utf-8"))
        resources = tmp_path / f"{file.stem}.ndjson"
        resources.write_text("".join(json.dumps(one) + "\n" for one in suite["resources"]), encoding="utf-8")
        results = []
        for test in suite["tests"]:
            problem = judge(test, resources)
            result = {"passed": problem is None} | ({"error": problem} if problem else {})
            results.append({"name": test["title"], "result": result})
        report[file.name] = {"tests": results}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2), encoding="utf-8")
    cases = [(file, one) for file, suite in report.items() for one in suite["tests"]]
    failed = [f"{file}: {one['name']}: {one['result']['error']}" for file, one in cases if not one["result"]["passed"]]
    record_property("passed", f"{len(cases) - len(failed)}/{len(cases)}")
    print(f"SQL-on-FHIR v2: {len(cases) - len(failed)}/{len(cases)}")
    assert not failed, "\n".join(failed)

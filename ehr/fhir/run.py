"""Run any ViewDefinition over NDJSON files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ehr.fhir.compile import Plan, plan_view
from ehr.fhir.source import MAX_LINE_BYTES, json_objects, misfit, ndjson
from ehr.fhir.values import quote
from ehr.fhir.viewdefinition import ViewDefinition
from lake.files import replacing


def run_view(
    view: dict[str, Any] | ViewDefinition | Path,
    paths: str | Path | Iterable[str | Path],
    connection: duckdb.DuckDBPyConnection | None = None,
) -> pa.Table:
    """Flatten NDJSON files with a view.

    Args:
        view: a ViewDefinition, as a dict, a model or a JSON file.
        paths: files or globs; ``.gz`` and ``.zst`` are read as they are.
        connection: a DuckDB connection to use; a private one by default.

    Raises:
        CompileError: the view is invalid or leaves the supported subset.
        duckdb.Error: a file cannot be read strictly, or a path gave several values where one was asked for.
    """
    plan = plan_view(view)
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    if connection is not None:
        return _run(plan, files, connection)
    options: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=options) as own:
        own.execute("set timezone = 'UTC'")
        return _run(plan, files, own)


def types_in(paths: str | Path | Iterable[str | Path]) -> dict[str, int]:
    """How many resources of which type NDJSON files hold, the most frequent first.

    Raises:
        duckdb.Error: a file cannot be read.
    """
    rows = ndjson([paths] if isinstance(paths, str | Path) else paths, {"resourceType": "VARCHAR"})
    query = (
        f"select coalesce(\"resourceType\", 'no resourceType'), count(*) from {rows} group by all order by 2 desc, 1"
    )
    with duckdb.connect(":memory:") as connection:
        return dict(connection.execute(query).fetchall())


def save(table: pa.Table, target: Path) -> None:
    """Write a view's rows as ``.parquet``, ``.csv`` or ``.ndjson``, by the name of the file; replaces it atomically.

    Raises:
        ValueError: another suffix.
    """
    options = {
        ".parquet": "format parquet, compression zstd",
        ".csv": "format csv, header",
        ".ndjson": "format json, array false",
    }
    if target.suffix not in options:
        raise ValueError(f"{target.name}: expected one of {', '.join(options)}")
    with duckdb.connect(":memory:") as connection, replacing(target) as draft:
        connection.register("rows_of_view", table)
        connection.execute(f"copy (from rows_of_view) to {quote(str(draft))} ({options[target.suffix]})")


def _run(plan: Plan, files: list[str | Path], connection: duckdb.DuckDBPyConnection) -> pa.Table:
    try:
        return connection.sql(plan.sql(ndjson(files, plan.columns))).to_arrow_table()
    except duckdb.InvalidInputException as error:
        if "JSON transform error" not in str(error):
            raise
    # Types that share a file may use one element name in different shapes (Patient.name, Organization.name): only
    # the lines of this view's type are then opened as structs, each after a look at its shape.
    listing = ", ".join(quote(str(file)) for file in files)
    lines = f"(select json as line from read_ndjson_objects([{listing}], maximum_object_size={MAX_LINE_BYTES}))"
    wrong = misfit("line", plan.shape)
    message = quote(f"a {plan.resource} does not have the shape of FHIR R4 at ")
    checked = f"(select case when {wrong} is null then line else error({message} || {wrong}) end as line from {lines}"
    checked += f" where json_extract_string(line, '$.resourceType') = {quote(plan.resource)})"
    return connection.sql(plan.sql(json_objects(checked, plan.resource, plan.shape))).to_arrow_table()

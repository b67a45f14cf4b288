"""Derived tables: what the Python rooms compute. A part is replaced whole, so a rerun never duplicates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lake.files import replacing
from lake.settings import Settings
from lake.tables import Table

_PART_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=-]*")


def replace(settings: Settings, table: Table, part: str, rows: pa.Table) -> Path:
    """Write ``derived/<table>/<part>.parquet``, replacing the part if it exists.

    Args:
        table: the declared table; ``rows`` must have its columns, in any order; types are cast safely.
        part: what is replaced as one: a task name, a file id, or ``all``.

    Raises:
        ValueError: the part's name could leave the folder.
    """
    if not _PART_NAME.fullmatch(part):
        raise ValueError(f"a part's name must match {_PART_NAME.pattern!r}")
    target = settings.derived / table.name / f"{part}.parquet"
    with replacing(target) as draft:
        pq.write_table(rows.select(table.schema.names).cast(table.schema), draft, compression="zstd")
    return target


def read(settings: Settings, table: Table) -> pa.Table:
    """Read all parts of a derived table; an empty typed table when there are none."""
    parts = sorted(path for path in (settings.derived / table.name).glob("*.parquet") if not path.name.startswith("."))
    return pa.concat_tables(
        [pq.read_table(path, schema=table.schema) for path in parts] or [table.schema.empty_table()]
    )


def ensure_empty(settings: Settings, raw: Iterable[Table], derived: Iterable[Table]) -> None:
    """Make sure that every table has one typed file, so that a platform with a single source still builds."""
    for folder, tables in ((settings.raw, raw), (settings.derived, derived)):
        for table in tables:
            schema = table.raw_schema if folder == settings.raw else table.schema
            target = folder / table.name / "_empty.parquet"
            if not target.exists() or pq.read_schema(target).remove_metadata() != schema.remove_metadata():
                with replacing(target) as draft:
                    pq.write_table(schema.empty_table(), draft)

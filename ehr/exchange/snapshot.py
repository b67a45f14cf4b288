"""The interop views of a published snapshot, opened as of a moment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from lake import warehouse
from lake.settings import Settings
from lake.sql import literal

SCHEMA = "marts_interop"
SHARED = ("interop_person", "interop_fact", "omop_person", "omop_event", "meds_data")
"""Views that others read: computed once for an export."""


class NothingToExport(FileNotFoundError):
    """There is no snapshot, or it was published before exports existed."""


@contextmanager
def opened(
    settings: Settings, known_at: datetime | None = None, snapshot: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the snapshot's interop schema in memory: the views that others read are computed once, the rest stay views.

    Args:
        known_at: what was known at this moment (UTC, without zone), in the version of then; None: what is known now.
        snapshot: another snapshot than the published one.

    Raises:
        NothingToExport: nothing has been published, or the snapshot has no interop schema.
    """
    path = snapshot or settings.snapshot
    if not path.exists():
        raise NothingToExport(f"no snapshot at {path}; run `twin build` first")
    connection = warehouse.memory(settings)
    try:
        connection.execute(f"attach {literal(path)} as published (read_only)")
        if known_at is not None:
            connection.execute(f"set variable known_at = timestamp '{known_at:%Y-%m-%d %H:%M:%S.%f}'")
        _rebuild(connection, path)
        yield connection
    finally:
        connection.close()


def _rebuild(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'published'"
        " and schema_name in ('core', ?)",
        [SCHEMA],
    ).fetchall()
    waiting = connection.execute(
        "select view_name, sql from duckdb_views() where database_name = 'published' and schema_name = ?"
        " order by view_oid",
        [SCHEMA],
    ).fetchall()
    if not waiting:
        raise NothingToExport(f"the snapshot {path} has no schema {SCHEMA}; run `twin build` to publish a new one")
    for schema in ("core", SCHEMA):
        connection.execute(f"create schema {schema}")
    for schema, table in tables:
        connection.execute(f'create view {schema}."{table}" as from published.{schema}."{table}"')
    while waiting:
        left = []
        for view, sql in waiting:
            query = re.sub(r"^create view .*? as ", "", sql, count=1, flags=re.IGNORECASE | re.DOTALL)
            kind = "table" if view in SHARED else "view"
            try:
                connection.execute(f'create {kind} {SCHEMA}."{view}" as {query}')
            except duckdb.CatalogException:  # it reads a view whose turn comes later
                left.append((view, sql))
        if len(left) == len(waiting):
            raise NothingToExport(f"the snapshot {path} lacks what {left[0][0]} reads; run `twin build` again")
        waiting = left

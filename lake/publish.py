"""Publish: an atomic read-only copy of the allowed schemas, and the hand-over of core tables to the Python rooms."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import duckdb

from lake import files, metrics, warehouse
from lake.settings import Settings
from lake.sql import identifier, literal

PUBLISHED_SCHEMAS = ("core", "marts_analyst", "marts_quality", "marts_risk", "marts_simulation", "marts_monitoring")
"""Schemas that analysts see. Staging and intermediate models stay in the build file."""

LIVE_SCHEMAS = ("marts_interop",)
"""Schemas whose tables are copied and whose views stay views: shapes of the published tables that exports ask for."""

STORAGE_VERSION = "v1.2.0"
"""Readable by every DuckDB client from 1.2 on, which most SQL tools still carry."""

RUN_CLOCKS = frozenset(
    {"ingested_at", "last_ingested_at", "landed_at", "first_landed_at", "last_landed_at"}
    | {"scored_at", "published_at", "run_id", "model_version"}
)
"""Columns that tell when and by which run, not what: two builds of the same data may differ in them."""

RUN_HISTORY = frozenset({"marts_monitoring.dq_result"})
"""Tables with a row per build."""

Comments = dict[tuple[str, str], list[tuple[str | None, str]]]


@dataclass(frozen=True)
class Publication:
    """A published snapshot: ``rows`` counts rows per ``schema.table``."""

    path: Path
    bytes: int
    rows: dict[str, int]


def publish(settings: Settings, schemas: Iterable[str] = PUBLISHED_SCHEMAS, target: Path | None = None) -> Publication:
    """Copy the allowed schemas of the build file into a snapshot and swap it in atomically.

    Tables and views of the build file become tables; comments are kept. A reader that has the previous snapshot open
    keeps reading it undisturbed. The snapshot is read-only on disk.

    Raises:
        lake.warehouse.Busy: another process holds the build file.
    """
    target = target or settings.snapshot
    rows: dict[str, int] = {}
    with files.replacing(target) as draft, warehouse.writing(settings) as connection:
        connection.execute(f"attach {literal(draft)} as snapshot (storage_version '{STORAGE_VERSION}')")
        connection.execute("begin")  # a comment costs more to commit than to write
        comments = _comments(connection)
        for schema, table in _relations(connection, schemas):
            name = f"{identifier(schema)}.{identifier(table)}"
            connection.execute(f"create schema if not exists snapshot.{identifier(schema)}")
            connection.execute(f"create table snapshot.{name} as from {name}")
            rows[f"{schema}.{table}"] = _scalar(connection, f"select count(*) from snapshot.{name}")
            _copy_comments(connection, comments, schema, table)
        live_rows, views = _copy_live(connection, comments)
        rows |= live_rows
        connection.execute("commit")
        _create_views(connection, views, comments)
        _create_macros(connection, settings)
        connection.execute("create schema if not exists snapshot.meta")
        connection.execute(
            "create table snapshot.meta.snapshot as"
            " select $at::timestamp as published_at, $note as note, $version as duckdb_version",
            {
                "at": datetime.now(UTC).replace(tzinfo=None),
                "note": warehouse.RESEARCH_USE,
                "version": duckdb.__version__,
            },
        )
        _define_metrics(connection, settings)
        connection.execute("detach snapshot")
        draft.chmod(0o440)
    return Publication(target, target.stat().st_size, rows)


def _copy_live(
    connection: duckdb.DuckDBPyConnection, comments: Comments
) -> tuple[dict[str, int], list[tuple[str, str, str]]]:
    """Copy the tables of the live schemas; returns rows per table, and their views: schema, name, definition."""
    rows = {}
    views: list[tuple[str, str, str]] = []
    for schema in LIVE_SCHEMAS:
        connection.execute(f"create schema if not exists snapshot.{identifier(schema)}")
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = current_database() and schema_name = ?"
            " and not ends_with(table_name, '__dbt_tmp') order by all",
            [schema],
        ).fetchall()
        for (table,) in tables:
            name = f"{identifier(schema)}.{identifier(table)}"
            connection.execute(f"create table snapshot.{name} as from {name}")
            rows[f"{schema}.{table}"] = _scalar(connection, f"select count(*) from snapshot.{name}")
            _copy_comments(connection, comments, schema, table)
        views += connection.execute(
            "select schema_name, view_name, sql from duckdb_views() where database_name = current_database()"
            " and schema_name = ? and not ends_with(view_name, '__dbt_tmp') order by view_oid",
            [schema],
        ).fetchall()
    return rows, views


def _create_macros(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Create the table macros that analysts call: the files of ``transform/published`` whose tables are there."""
    home = connection.execute("select current_database()").fetchall()[0][0]
    tables = {
        f"{schema}.{table}"
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'snapshot'"
        ).fetchall()
    }
    connection.execute("use snapshot")
    try:
        for path in sorted((settings.transform / "published").glob("*.sql")):
            statement = path.read_text(encoding="utf-8")
            if tables.issuperset(re.findall(r"\b(?:from|join)\s+(core\.\w+)", statement)):
                connection.execute(statement)
    finally:
        connection.execute(f"use {identifier(home)}")


def _define_metrics(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """The definitions of the main metrics go with the tables that they are about."""
    connection.execute(
        "create table snapshot.meta.metric (name varchar, label varchar, description varchar, unit varchar,"
        " grain varchar, of_table varchar, dimensions varchar[], sql varchar)"
    )
    connection.executemany(
        "insert into snapshot.meta.metric values (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (one.name, one.label, one.description, one.unit, one.grain, one.of, list(one.by), one.sql())
            for one in metrics.load(settings.transform).values()
        ],
    )


def _create_views(connection: duckdb.DuckDBPyConnection, views: list[tuple[str, str, str]], comments: Comments) -> None:
    """Create views in the snapshot, each after those it reads.

    A view names its tables by schema only, so that it means the snapshot's own wherever the file is opened.
    """
    home = connection.execute("select current_database()").fetchall()[0][0]
    connection.execute("use snapshot")
    try:
        waiting = views
        while waiting:
            left = []
            for schema, view, sql in waiting:
                query = re.sub(r"^create view .*? as ", "", sql, count=1, flags=re.IGNORECASE | re.DOTALL)
                try:
                    connection.execute(f"create view {identifier(schema)}.{identifier(view)} as {query}")
                except duckdb.CatalogException:  # it reads a view whose turn comes later
                    left.append((schema, view, sql))
            if len(left) == len(waiting):
                names = ", ".join(sorted(view for _, view, _ in left))
                raise RuntimeError(f"views that read what is not published: {names}")
            waiting = left
    finally:
        connection.execute(f"use {identifier(home)}")
    connection.execute("begin")
    for schema, view, _ in views:
        _copy_comments(connection, comments, schema, view, kind="view")
    connection.execute("commit")


def export_core(settings: Settings, schema: str = "core") -> dict[str, int]:
    """Write every core table to ``lake/core/<table>.parquet``, each replaced atomically; returns rows per table."""
    rows = {}
    with warehouse.writing(settings) as connection:
        for _, table in _relations(connection, [schema]):
            with files.replacing(settings.core / f"{table}.parquet") as draft:
                name, location = f"{identifier(schema)}.{identifier(table)}", literal(draft)
                connection.execute(f"copy (from {name}) to {location} (format parquet, compression zstd)")
                rows[table] = _scalar(connection, f"select count(*) from read_parquet({location})")
    for stale in settings.core.glob("*.parquet"):
        if stale.stem not in rows:
            stale.unlink()
    return rows


def content_hash(path: Path, exclude: frozenset[str] = RUN_CLOCKS) -> dict[str, str]:
    """A hash of every table's rows that does not depend on their order, per ``schema.table``.

    Columns in ``exclude`` do not count; floating-point values count to nine decimal places, because the order of
    parallel sums may change the last bits.
    """
    hashes = {}
    with duckdb.connect(str(path), read_only=True) as connection:
        schemas = [
            name for (name,) in connection.execute("select distinct schema_name from duckdb_tables()").fetchall()
        ]
        for schema, table in _relations(connection, [name for name in schemas if name not in ("meta", *LIVE_SCHEMAS)]):
            if f"{schema}.{table}" in RUN_HISTORY:
                continue
            columns = connection.execute(
                "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ?"
                " order by column_name",
                [schema, table],
            ).fetchall()
            terms = [
                f"round({identifier(name)}, 9)" if kind in ("DOUBLE", "FLOAT") else identifier(name)
                for name, kind in columns
                if name not in exclude
            ]
            count, total = connection.execute(
                f"select count(*), coalesce(sum(hash({', '.join(terms)})::hugeint), 0)"
                f" from {identifier(schema)}.{identifier(table)}"
            ).fetchall()[0]
            hashes[f"{schema}.{table}"] = f"{count}:{total}"
    return hashes


def _relations(connection: duckdb.DuckDBPyConnection, schemas: Iterable[str]) -> list[tuple[str, str]]:
    found = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = current_database()"
        " and list_contains($schemas, schema_name)"
        " union all select schema_name, view_name from duckdb_views() where database_name = current_database()"
        " and list_contains($schemas, schema_name) and not internal order by all",
        {"schemas": list(schemas)},
    ).fetchall()
    return [(schema, table) for schema, table in found if not table.endswith("__dbt_tmp")]


def _comments(connection: duckdb.DuckDBPyConnection) -> Comments:
    """Every comment of the build file by relation: of a column, or (None) its own. Listing columns binds every view."""
    found: Comments = {}
    rows = connection.execute(
        "select schema_name, table_name, null, comment from duckdb_tables()"
        " where database_name = current_database() and comment is not null"
        " union all select schema_name, view_name, null, comment from duckdb_views()"
        " where database_name = current_database() and comment is not null"
        " union all select schema_name, table_name, column_name, comment from duckdb_columns()"
        " where database_name = current_database() and comment is not null"
    ).fetchall()
    for schema, relation, column, comment in rows:
        found.setdefault((schema, relation), []).append((column, comment))
    return found


def _copy_comments(
    connection: duckdb.DuckDBPyConnection,
    comments: Comments,
    schema: str,
    table: str,
    kind: Literal["table", "view"] = "table",
) -> None:
    name = f"snapshot.{identifier(schema)}.{identifier(table)}"
    for column, comment in comments.get((schema, table), ()):
        target = f"{kind} {name}" if column is None else f"column {name}.{identifier(column)}"
        connection.execute(f"comment on {target} is {literal(comment)}")


def _scalar(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def remove_drafts(settings: Settings) -> None:
    """Remove drafts that killed processes left in the published folder."""
    for draft in settings.published.glob(".*.draft"):
        pid = draft.name.rsplit(".", 3)[-3]
        if not (pid.isdigit() and Path(f"/proc/{pid}").exists()) or pid == str(os.getpid()):
            draft.unlink(missing_ok=True)

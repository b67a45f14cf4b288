"""Increments: which landed files the warehouse does not hold yet, and what they can change in it.

The build file remembers in its schema ``increment`` what it was last completed with: the code, the files, who was who.
A build that only finds new files lists them in ``increment.changed_file``; dbt then computes the people of whom they
say something (``transform/macros/increment.sql``), and only the models that these files can reach are run. Anything
else is a whole build. A build that fails remembers nothing: the next one starts from the last complete one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from lake import manifest, stages, warehouse
from lake.settings import Settings
from orchestration import rooms, staleness

SCHEMA = "increment"
ROW, SOURCE, WAREHOUSE = "row", "source", "warehouse"
"""``meta.scope`` of a raw table: what a new row can change. ``row``: nothing but what is said of its own person;
``source``: how other files of its source are read (dictionaries, messages that build on each other), which is assumed
where nothing is declared; ``warehouse``: how everything is read."""

LARGEST_SHARE = 0.3
"""Of all records: a delivery that is larger costs more as an increment than everything at once."""

APART = frozenset({"after_models", "on_demand"})
"""Tags of what the first pass of dbt leaves out."""

_LANDING = {"landing_file", "rejected_record"}


@dataclass(frozen=True)
class Plan:
    """What a build of the warehouse does. ``files``: what it takes in, or None if it builds everything, and ``why``.

    ``nodes`` are the unique ids of the models and tests that have work, None for all.
    """

    files: frozenset[str] | None
    why: str
    nodes: frozenset[str] | None = None


def plan(settings: Settings, project: Mapping[str, Any]) -> Plan:
    """Compare what has landed with what the build file holds.

    Args:
        project: dbt's manifest.
    """
    entries = {one.file_id: one for one in manifest.entries(settings) if one.status == "ingested"}
    done, genome, held = _remembered(settings)
    new = entries.keys() - held
    tables = {table for one in new for table, rows in entries[one].rows.items() if rows}
    scopes = {node["name"]: node["meta"].get("scope", SOURCE) for node in project["sources"].values()}
    records = {one: entry.records_accepted for one, entry in entries.items()}
    reasons = {
        "nothing is complete": done is None,
        "the project changed": done != _code(),
        "files are gone": bool(held - entries.keys()),
        "most is new": sum(records[one] for one in new) > LARGEST_SHARE * sum(records.values()),
        "codes are mapped anew": any(scopes.get(table) == WAREHOUSE for table in tables),
    }
    why = next((reason for reason, holds in reasons.items() if holds), None)
    if why is not None:
        return Plan(None, why)
    reread = {
        entries[one].source
        for one in new
        if any(rows and scopes.get(table) == SOURCE for table, rows in entries[one].rows.items())
    }
    if genome != _genome(settings):
        tables |= {table.name for table in rooms.derived_tables()} - _LANDING
    files = frozenset(one.file_id for one in entries.values() if one.file_id in new or one.source in reread)
    return Plan(files, f"{len(new)} new files", _reached(project, tables))


def selection(plan: Plan, project: Mapping[str, Any]) -> list[str]:
    """The dbt arguments that select a plan's nodes and nothing else."""
    names = sorted(project["nodes"][unique_id]["name"] for unique_id in plan.nodes or ())
    return ["--select", *names, "--indirect-selection", "empty"]


@contextmanager
def running(settings: Settings, plan: Plan) -> Iterator[None]:
    """Build as planned: dbt finds the files listed; if nothing raises, the warehouse remembers that it holds them."""
    versions = (_code(), _genome(settings))
    held = [one.file_id for one in manifest.entries(settings) if one.status == "ingested"]
    with warehouse.writing(settings) as connection:
        connection.execute(f"create schema if not exists {SCHEMA}")
        connection.execute("drop table if exists increment.changed_file")
        if plan.files is not None:
            _list(connection, "changed_file", sorted(plan.files))
    try:
        yield
    except BaseException:
        with warehouse.writing(settings) as connection:
            connection.execute("drop table if exists increment.changed_file")
        raise
    with warehouse.writing(settings) as connection:
        connection.execute("begin")
        connection.execute("drop table if exists increment.changed_file")
        _list(connection, "done_file", held)
        connection.execute("create or replace table increment.done (code varchar, genome varchar)")
        connection.execute("insert into increment.done values (?, ?)", versions)
        connection.execute(
            "create or replace table increment.known_link as"
            " select source_system, source_person_key, id_type, person_id from intermediate.int_identity__link"
        )
        connection.execute("commit")


def _code() -> str:
    """Of what everything in the warehouse was computed with."""
    return stages.fingerprint(staleness.code("transform"), duckdb.__version__)


def _genome(settings: Settings) -> str:
    """Of the genomes' results, which come from beside the warehouse."""
    return next(one.fingerprint for one in staleness.chain(settings) if one.name == staleness.GENOME)


def _remembered(settings: Settings) -> tuple[str | None, str | None, set[str]]:
    """The code, the genomes' results and the files that the build file was last completed with."""
    if not settings.warehouse.exists():
        return None, None, set()
    with warehouse.writing(settings) as connection:
        try:
            done = connection.execute("select code, genome from increment.done").fetchall()
            held = connection.execute("select file_id from increment.done_file").fetchall()
        except duckdb.CatalogException:
            return None, None, set()
    return done[0][0], done[0][1], {file_id for (file_id,) in held}


def _list(connection: duckdb.DuckDBPyConnection, table: str, files: list[str]) -> None:
    connection.execute(f"create or replace table {SCHEMA}.{table} (file_id varchar)")
    connection.execute(f"insert into {SCHEMA}.{table} select unnest($files::varchar[])", {"files": files})


def _reached(project: Mapping[str, Any], tables: set[str]) -> frozenset[str]:
    """Models and tests that rows of some raw tables can reach. Views follow by themselves, seeds never change.

    Every file is an entry of the landing manifest, which tells when facts arrived: what it says of earlier files stays,
    so it reaches only what counts files.
    """
    sources = {node["name"]: unique_id for unique_id, node in project["sources"].items()}
    children = project["child_map"]
    found: set[str] = set()
    waiting = [sources[name] for name in tables if name in sources]
    counts = [sources[name] for name in _LANDING]
    for _ in range(2):  # the manifest's staging, and what reads it
        counts = [child for node in counts for child in children[node]]
        waiting += [node for node in counts if "monitoring" in project["nodes"].get(node, {}).get("fqn", ())]
    while waiting:
        node = waiting.pop()
        if node not in found and not _is_apart(project, node):
            found.add(node)
            waiting += children.get(node, ())
    return frozenset(node for node in found if _has_work(project["nodes"].get(node)))


def _is_apart(project: Mapping[str, Any], node: str) -> bool:
    """Whether a model, or a test of one, is built at another time."""
    one = project["nodes"].get(node, {})
    behind = [project["nodes"].get(parent, {}) for parent in one.get("depends_on", {}).get("nodes", ())]
    near = [one, *behind] if one.get("resource_type") == "test" else [one]
    return any(APART.intersection(other.get("tags", ())) for other in near)


def _has_work(node: Mapping[str, Any] | None) -> bool:
    if node is None or node["resource_type"] == "seed":
        return False
    return node["resource_type"] == "test" or node["config"]["materialized"] not in ("view", "ephemeral")

"""OMOP CDM 5.4 or 5.3 out: all tables of the version, those that the twin has nothing for empty."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa

from ehr.exchange import cdm53
from ehr.exchange.folder import Export, filling, size
from ehr.exchange.snapshot import SCHEMA, opened
from ehr.extract.tables import OMOP
from lake.settings import Settings
from lake.sql import identifier, literal
from lake.tables import Table

_TYPES = {
    pa.int64(): "integer",
    pa.float64(): "double",
    pa.string(): "varchar",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
}
_KEYS = {
    "person": "person_id",
    "death": "person_id",
    "domain": "domain_id",
    "vocabulary": "vocabulary_id",
    "concept": "concept_id",
    "concept_class": "concept_class_id",
    "relationship": "relationship_id",
}
Version = Literal["5.4", "5.3"]
_NOT_AN_EVENT = "not performed, planned or withdrawn"


class BrokenKeys(RuntimeError):
    """Two rows of a table have the same key; nothing was written."""


def export(
    settings: Settings,
    target: Path,
    *,
    known_at: datetime | None = None,
    file_format: Literal["parquet", "csv"] = "parquet",
    version: Version = "5.4",
    snapshot: Path | None = None,
) -> Export:
    """Write the published snapshot as an OMOP CDM database, one file per table.

    People without a year of birth and facts without a date have no place in the CDM; ``left_out`` counts them.

    Args:
        target: folder; created, or an earlier export that is replaced as a whole.
        known_at: the data as known at this moment (UTC); None: as known now.

    Raises:
        NothingToExport: nothing has been published.
        NotEmpty: the folder has other files.
        BrokenKeys: two rows have the same primary key.
    """
    about = {"format": "omop", "cdm_version": version, "known_at": known_at}
    with opened(settings, known_at, snapshot) as connection, filling(target, about) as draft:
        shapes = {
            view: set(columns)
            for view, columns in connection.execute(
                "select table_name, list(column_name) from duckdb_columns()"
                " where schema_name = ? and database_name = current_database() group by all",
                [SCHEMA],
            ).fetchall()
        }
        rows = {}
        options = "format parquet, compression zstd" if file_format == "parquet" else "format csv, header"
        for table in OMOP:
            name = table.name.removeprefix("omop_")
            if version == "5.3" and name in cdm53.LATER_TABLES:
                continue
            query = _query(table, shapes.get(table.name), version)
            if table.name in shapes:
                _check_key(connection, name, f"{SCHEMA}.{table.name}")
            written = connection.execute(
                f"copy ({query}) to {literal(draft / f'{name}.{file_format}')} ({options})"
            ).fetchall()
            rows[name] = int(written[0][0])
        if version == "5.3":
            empty = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in cdm53.ATTRIBUTE_DEFINITION.items())
            path = draft / f"attribute_definition.{file_format}"
            connection.execute(f"copy (select {empty} where false) to {literal(path)} ({options})")
            rows["attribute_definition"] = 0
        left_out = _left_out(connection)
        written_bytes = size(draft)
    return Export("omop", target, known_at, rows, left_out, written_bytes)


def _query(table: Table, present: set[str] | None, version: Version) -> str:
    """All columns of the CDM in its order, typed; what the view does not have is null."""
    name = table.name.removeprefix("omop_")
    later = cdm53.LATER_COLUMNS.get(name, frozenset()) if version == "5.3" else frozenset()
    renamed = cdm53.EARLIER_NAMES.get(name, {}) if version == "5.3" else {}
    columns = []
    for field in table.schema:
        if field.name == "record_no" or field.name in later:
            continue
        value = identifier(field.name) if present and field.name in present else "null"
        if field.name == "cdm_version":
            value = literal(version)
        column = identifier(renamed.get(field.name, field.name))
        columns.append(f"cast({value} as {_TYPES[field.type]}) as {column}")
    source = f"from {SCHEMA}.{table.name} order by 1, 2" if present else "where false"
    return f"select {', '.join(columns)} {source}"


def _check_key(connection: duckdb.DuckDBPyConnection, name: str, view: str) -> None:
    key = _KEYS.get(name, f"{name}_id")
    columns = {row[0] for row in connection.execute(f"describe {view}").fetchall()}
    if key not in columns:
        return
    total, distinct = connection.execute(f"select count(*), count(distinct {key}) from {view}").fetchall()[0]
    if total != distinct:
        raise BrokenKeys(
            f"{name}: {total - distinct} of {total} rows share or lack {key}; run the dbt tests of marts/interop"
        )


def _left_out(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    found = connection.execute(
        f"""
        select 'people without a year of birth', count(*) from {SCHEMA}.interop_person where birth_year is null
        union all
        select
            case
                when people.person_source_value is null then 'facts of people without a year of birth'
                when coalesce(facts.event_at, case when facts.domain = 'device' then facts.known_at end) is null
                then 'facts without a date'
                else 'facts {_NOT_AN_EVENT}'
            end,
            count(*)
        from {SCHEMA}.interop_fact as facts
        left join {SCHEMA}.omop_person as people on people.person_source_value = facts.person_id
        anti join {SCHEMA}.omop_event as events on events.event_id = facts.event_id
        group by all
        """
    ).fetchall()
    return {reason: int(number) for reason, number in found if number}

"""The de-identified snapshot: what HIPAA's Safe Harbor takes out of the identified one, taken out by the columns' tags.

45 CFR 164.514(b)(2): names, places smaller than a state but for the first three digits of a postal code, contacts,
numbers, device names and free text go; ages over 89 become 90; every key becomes a keyed pseudonym (HMAC-SHA256).
Dates are shifted by whole days, each person's by an own number, so that intervals stay; the letter of the rule wants
years only, which is ``dates="year"``. A column of text or time without a tag is left out, never copied.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb

from lake import files, publish, warehouse
from lake.settings import Settings
from lake.sql import identifier, literal

SMALL_ZIP3 = frozenset(
    "036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893".split()  # noqa: SIM905
)
"""Three-digit areas of 20,000 people or fewer in the census of 2000 (HHS, guidance on de-identification, 2012)."""

OLDEST = 89
"""Ages above are one group."""

FEWEST = 11
"""Counts of people below are not shown, nor two that differ by less (CMS cell size suppression policy)."""

LONGEST_SHIFT = 364
"""Dates move by 1 to so many days into the past."""

LONGEST_CODE = 32
"""Codes, units and states are one word of so many characters; other text in their place is free text."""

DIRECT = frozenset({"direct", "text", "provenance", "run", "location", "birth_date"})
"""Tags of what is taken out: the column stays, empty, so that queries keep working."""

TAGS = DIRECT | {
    *("none", "person", "key", "date", "calendar", "age", "birth_year", "region", "answer", "code", "people"),
}
"""All tags (``meta.phi``) that a column can have."""

TEXTUAL = ("VARCHAR", "DATE", "TIMESTAMP", "JSON")


@dataclass(frozen=True)
class TableRules:
    """How a published table is de-identified.

    Attributes:
        columns: tag of each tagged column.
        left_out: the table holds nothing but what must go.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    left_out: bool = False


Rules = Mapping[str, TableRules]
"""By ``schema.table``."""


@dataclass(frozen=True)
class Deidentified:
    """What was written: rows per table, tables left out, and rows of aggregates that were too small to show."""

    publication: publish.Publication
    left_out: tuple[str, ...]
    suppressed_rows: int


def deidentify(
    settings: Settings, rules: Rules, dates: Literal["shift", "year"] = "shift", key: bytes | None = None
) -> Deidentified:
    """Write ``published/twin_deid.duckdb`` from the identified snapshot and swap it in atomically.

    Args:
        rules: tags per table; a table without rules is left out.
        dates: ``shift`` keeps intervals; ``year`` keeps the first of January of each year.
        key: 32 bytes; default the home's own, made when first needed.

    Raises:
        FileNotFoundError: nothing has been published yet.
    """
    warehouse.require_snapshot(settings.snapshot)
    rows: dict[str, int] = {}
    left_out, suppressed = [], 0
    with (
        files.replacing(settings.snapshot_deid) as draft,
        warehouse.memory(settings) as connection,
    ):
        connection.execute("set preserve_insertion_order = false")
        _attach(connection, settings, draft)
        _prepare(connection, key or secret(settings))
        connection.execute("copy from database twin to snapshot (schema)")  # with comments and macros
        for name, columns in tables(connection, "twin").items():
            table_rules = rules.get(name)
            if table_rules is None or table_rules.left_out:
                connection.execute(f"drop table snapshot.{name}")
                left_out.append(name)
                continue
            _make_nullable(connection, name, columns, table_rules.columns)
            connection.execute(f"insert into snapshot.{name} {_select(name, columns, table_rules.columns, dates)}")
            rows[name] = _count(connection, f"snapshot.{name}")
            if "people" in table_rules.columns.values():
                suppressed += _count(connection, f"twin.{name}") - rows[name]
        _close(connection, f"de-identified, dates: {dates}; {warehouse.RESEARCH_USE}")
        draft.chmod(0o440)
    target = settings.snapshot_deid
    return Deidentified(publish.Publication(target, target.stat().st_size, rows), tuple(left_out), suppressed)


def secret(settings: Settings) -> bytes:
    """The key of this home's pseudonyms, 32 bytes; made at first use, readable by its owner only.

    Who has it can find people again: it lies outside of ``published/`` and is never logged. Removing it gives everyone
    a new pseudonym and a new shift.
    """
    path = settings.deid_key
    if not path.exists():
        with files.replacing(path) as draft:
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_hex(32), encoding="ascii")
    return bytes.fromhex(path.read_text(encoding="ascii").strip())


def untagged(columns: Mapping[str, str], rules: TableRules) -> list[str]:
    """Columns that can hold an identifier and do not say whether they do: text, dates and times without a tag.

    Args:
        columns: DuckDB type of each column.
    """
    return [name for name, kind in columns.items() if kind.startswith(TEXTUAL) and name not in rules.columns]


def _attach(connection: duckdb.DuckDBPyConnection, settings: Settings, draft: Path) -> None:
    connection.execute(f"attach {literal(settings.snapshot)} as twin (read_only)")
    connection.execute(f"attach {literal(draft)} as snapshot (storage_version '{publish.STORAGE_VERSION}')")


def _prepare(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Pseudonym and shift of every person; the padded keys are bound, so that no statement carries them."""
    block = key.ljust(64, b"\0")
    connection.execute("create temp table keyring (inside blob, outside blob)")
    connection.execute(
        "insert into keyring values (?, ?)", [bytes(one ^ 0x36 for one in block), bytes(one ^ 0x5C for one in block)]
    )
    for name in ("inside", "outside"):
        connection.execute(f"set variable {name} = (select {name} from keyring)")
    connection.execute(
        "create temp macro keyed(text) as sha256(getvariable('outside') ||"
        " unhex(sha256(getvariable('inside') || encode(text))))"
    )
    connection.execute("create temp macro pseudonym(text) as left(keyed(text), 32)")
    people = {f"{schema}.{table}" for schema, table in _named(connection, "person_id")}
    everyone = " union ".join(f"select person_id from twin.{name}" for name in sorted(people))
    born = (
        "select person_id, birth_year, death_date, coalesce(death_date, last_observed_at) as seen_at"
        " from twin.core.twin_person"
        if "core.twin_person" in people
        else "select ''::varchar as person_id, 0 as birth_year, null::date as death_date, null::date as seen_at"
    )
    connection.execute(
        f"""
        create temp table person as
        select
            person_id,
            'D' || left(keyed('person ' || person_id), 16) as pseudonym,
            to_days((-1 - ('0x' || left(keyed('shift ' || person_id), 8))::bigint % {LONGEST_SHIFT})::integer) as shift,
            coalesce(
                year(seen_at) - birth_year > {OLDEST}
                -- who was last seen long ago may be that old by now; dates in the future are shifted ones
                or (death_date is null and year(seen_at) <= year(current_date)
                    and year(current_date) - birth_year > {OLDEST}),
                false
            ) as is_oldest
        from ({everyone or "select null::varchar as person_id"}) as everyone
        left join ({born}) as born using (person_id)
        where person_id is not null
        """
    )


def tables(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, dict[str, str]]:
    """Columns and types by table of an attached snapshot, in order; views are no tables."""
    found: dict[str, dict[str, str]] = {}
    for schema, table, column, kind in connection.execute(
        "select c.schema_name, c.table_name, c.column_name, c.data_type from duckdb_columns() as c"
        " semi join duckdb_tables() as t on t.database_name = c.database_name and t.table_oid = c.table_oid"
        " where c.database_name = $database and c.schema_name <> 'meta'"
        " order by c.schema_name, c.table_name, c.column_index",
        {"database": database},
    ).fetchall():
        found.setdefault(f"{schema}.{table}", {})[column] = kind
    return found


def _named(connection: duckdb.DuckDBPyConnection, column: str) -> list[tuple[str, str]]:
    return connection.execute(
        "select schema_name, table_name from duckdb_columns() where database_name = 'twin' and column_name = ?"
        " and schema_name <> 'marts_interop'",
        [column],
    ).fetchall()


def _select(name: str, columns: Mapping[str, str], tags: Mapping[str, str], dates: str) -> str:
    """The query of one table: an expression per column, people joined for pseudonym and shift."""
    of_people = "person_id" in columns
    chosen = ", ".join(
        f"{_expression(column, kind, tags.get(column), dates, of_people)} as {identifier(column)}"
        for column, kind in columns.items()
    )
    counts = [identifier(column) for column, tag in tags.items() if tag == "people" and column in columns]
    small = [f"t.{one} between 1 and {FEWEST - 1}" for one in counts]
    small += [
        f"abs(t.{one} - t.{other}) between 1 and {FEWEST - 1}"
        for number, one in enumerate(counts)
        for other in counts[number + 1 :]
    ]
    where = f"where not coalesce({' or '.join(small)}, false)" if small else ""
    joined = "left join person as p on p.person_id = t.person_id" if of_people else ""
    return f"select {chosen} from twin.{name} as t {joined} {where}"


def _expression(column: str, kind: str, tag: str | None, dates: str, of_people: bool) -> str:
    value = f"t.{identifier(column)}"
    nothing = f"null::{kind}"
    if tag is None:
        return nothing if kind.startswith(TEXTUAL) else value
    if tag not in TAGS:
        raise ValueError(f"no such tag: {tag!r} of column {column}")
    if tag == "key" and kind.endswith("[]"):
        return f"list_transform({value}, lambda one: pseudonym(one))"
    shifted = f"({value} + p.shift)" if dates == "shift" else f"date_trunc('year', {value})"
    return {
        "person": f"(select pseudonym from person where person_id = {value})"
        if column != "person_id"
        else "p.pseudonym",
        "key": f"case when {value} = '' then '' else pseudonym({value}) end",
        "date": f"{shifted}::{kind}" if of_people else nothing,
        # the same moment for many people: shifted by person it would give their shifts away
        "calendar": f"date_trunc('year', {value})::{kind}",
        "age": f"case when {value} > {OLDEST} then {OLDEST + 1} else {value} end",
        "birth_year": "case when not p.is_oldest then "
        + (f"year(make_date({value}, 7, 1) + p.shift)" if dates == "shift" else value)
        + f" end::{kind}",
        "region": f"case when regexp_full_match({value}, '[0-9]{{3}}')"
        f" then case when {value} in ({', '.join(map(literal, sorted(SMALL_ZIP3)))}) then '000' else {value} end end",
        "answer": f"case when {value} in ('never', 'former', 'current', 'positive', 'negative') then {value} end",
        "code": f"case when length({value}) <= {LONGEST_CODE} and not contains({value}, ' ')"
        f" and not contains({value}, '@') then {value} end",
        "none": value,
        "people": value,
    }.get(tag, nothing)


def _make_nullable(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str], tags: Mapping[str, str]
) -> None:
    """What must be there in the identified snapshot may be taken out here."""
    for column in columns:
        if tags.get(column, "direct") not in ("none", "person", "people"):
            connection.execute(f"alter table snapshot.{name} alter column {identifier(column)} drop not null")


def _close(connection: duckdb.DuckDBPyConnection, note: str) -> None:
    """Drop views over what is left out and empty schemas, and say in the snapshot itself what it is."""
    views = connection.execute(
        "select schema_name, view_name from duckdb_views() where database_name = 'snapshot' and not internal"
    ).fetchall()
    for schema, view in views:
        connection.execute(f"drop view snapshot.{schema}.{identifier(view)}")
    empty = connection.execute(
        "select schema_name from duckdb_schemas() where database_name = 'snapshot' and not internal except"
        " select schema_name from duckdb_tables() where database_name = 'snapshot'"
    ).fetchall()
    for (schema,) in empty:
        connection.execute(f"drop schema snapshot.{schema}")
    connection.execute(
        "insert into snapshot.meta.snapshot (published_at, note, duckdb_version) values (now()::timestamp, ?, ?)",
        [note, duckdb.__version__],
    )
    with suppress(duckdb.CatalogException):  # a snapshot of a version without them
        connection.execute("insert into snapshot.meta.metric from twin.meta.metric")
    connection.execute("detach snapshot")


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    row = connection.execute(f"select count(*) from {name}").fetchone()
    return int(row[0]) if row else 0

"""How well the de-identified snapshot hides people: identifiers that are still in it, and k-anonymity.

k-anonymity after Sweeney 2002 (doi:10.1142/S0218488502001648); prosecutor risk, the chance to find a known member, is
one over the size of its group (El Emam and Dankar 2008, doi:10.1197/jamia.M2716).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from lake import deid, warehouse
from lake.settings import Settings
from lake.sql import literal

QUASI = ("birth_year", "sex", "region_id")
"""What an outsider can know of a person: the columns of ``core.twin_person`` that groups are made of."""

AS_WRITTEN = ("birth_date", "sex", "region_id")
"""The same of the identified snapshot, to compare with."""

SHORTEST = 6
"""Keys of fewer characters also occur as codes and counts; names count from three on."""


@dataclass(frozen=True)
class Anonymity:
    """Groups of people who look the same.

    Attributes:
        columns: what makes people look the same.
        people, groups: how many there are.
        smallest: k, the size of the smallest group; 0 without people.
        unique: people who are alone in their group.
        below: people in groups smaller than the ``k`` asked for.
        highest_risk, mean_risk: chance to find a known member: of the worst off, and on average.
    """

    columns: tuple[str, ...]
    people: int
    groups: int
    smallest: int
    unique: int
    below: int
    highest_risk: float
    mean_risk: float


@dataclass(frozen=True)
class Report:
    """``left`` counts identifiers of the identified snapshot that stand anywhere in the other, by table and column."""

    k: int
    identified: Anonymity
    deidentified: Anonymity
    checked_identifiers: int
    checked_values: int
    left: dict[str, int]


def report(settings: Settings, rules: deid.Rules, k: int = 5, quasi: Sequence[str] = QUASI) -> Report:
    """Compare both snapshots.

    Args:
        rules: tags per table, as the de-identified snapshot was made with.
        k: groups below this size count as small.
        quasi: columns of ``core.twin_person`` of the de-identified snapshot.

    Raises:
        FileNotFoundError: one of the snapshots has not been published.
        ValueError: a column is not in ``core.twin_person``.
    """
    for path in (settings.snapshot, settings.snapshot_deid):
        warehouse.require_snapshot(path)
    with warehouse.memory(settings) as connection:
        for name, path in (("twin", settings.snapshot), ("safe", settings.snapshot_deid)):
            connection.execute(f"attach {literal(path)} as {name} (read_only)")
        identifiers = _identifiers(connection, rules)
        values, left = _left(connection)
        return Report(
            k,
            anonymity(connection, "twin.core.twin_person", AS_WRITTEN, k),
            anonymity(connection, "safe.core.twin_person", quasi, k),
            identifiers,
            values,
            left,
        )


def anonymity(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], k: int) -> Anonymity:
    """Group the people of a table by some of its columns; unknown values are a value of their own.

    Raises:
        ValueError: a column is not in the table.
    """
    present = [row[0] for row in connection.execute(f"describe {table}").fetchall()]
    if unknown := sorted(set(columns) - set(present)):
        raise ValueError(f"no column {', '.join(unknown)}; there are {', '.join(present)}")
    by = ", ".join(f'"{column}"' for column in columns)
    people, groups, smallest, unique, below = connection.execute(
        f"""
        select
            coalesce(sum(n), 0)::bigint,
            count(*),
            coalesce(min(n), 0),
            count(*) filter (where n = 1),
            coalesce(sum(n) filter (where n < $k), 0)::bigint
        from (select count(*) as n from {table} group by {by})
        """,
        {"k": k},
    ).fetchall()[0]
    return Anonymity(
        tuple(columns),
        people,
        groups,
        smallest,
        unique,
        below,
        1 / smallest if smallest else 0.0,
        groups / people if people else 0.0,
    )


def _identifiers(connection: duckdb.DuckDBPyConnection, rules: deid.Rules) -> int:
    """Collect what identifies people and their records in the identified snapshot; how many values."""
    parts = []
    for name, columns in deid.tables(connection, "twin").items():
        for column, tag in (rules[name].columns if name in rules else {}).items():
            kind = columns.get(column, "")
            if tag in ("person", "key", "provenance") and kind.startswith("VARCHAR"):
                value = f'unnest("{column}")' if kind.endswith("[]") else f'"{column}"'
                parts.append(f"select {value} as value, {SHORTEST} as shortest from twin.{name}")
            if tag == "direct":
                # sex is an attribute of a record, but identifies nobody
                others = "where attribute not in ('sex', 'city')" if name.endswith("attribute") else ""
                parts.append(f'select "{column}", 3 from twin.{name} {others}')
    query = " union all ".join(parts) or "select null::varchar as value, 0 as shortest"
    connection.execute(
        f"create temp table identifier as select distinct lower(value) as value from ({query})"
        " where length(value) >= shortest"
    )
    return int(connection.execute("select count(*) from identifier").fetchall()[0][0])


def _left(connection: duckdb.DuckDBPyConnection) -> tuple[int, dict[str, int]]:
    """How many texts the de-identified snapshot holds, and the identifiers among them and their words."""
    checked, left = 0, {}
    for name, columns in deid.tables(connection, "safe").items():
        for column, kind in columns.items():
            if not kind.startswith("VARCHAR"):
                continue
            value = f'unnest("{column}")' if kind.endswith("[]") else f'"{column}"'
            person = "person_id" if "person_id" in columns else "null"
            texts, found = connection.execute(
                f"""
                with
                    text as (
                        select lower(value) as value, who
                        from (select {value} as value, {person} as who from safe.{name})
                    ),
                    word as (
                        select value from text
                        union
                        -- a name that stands in the texts of many people or in a citation is an author's, not theirs
                        select part
                        from (
                            select distinct unnest(regexp_split_to_array(value, '[^a-z0-9@.+-]+')) as part, who
                            from text
                            where value like '% %' and value not like '%doi:%'
                        )
                        group by part
                        having count(distinct who) < {deid.FEWEST}
                    )
                select
                    (select count(distinct value) from text),
                    (select count(*) from word semi join identifier using (value))
                """
            ).fetchall()[0]
            checked += texts
            if found:
                left[f"{name}.{column}"] = found
    return checked, left

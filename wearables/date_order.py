"""Dates such as 03-04-2024: which of day and month comes first is decided for a whole file, by evidence, or not at all.

Evidence is what only one order allows: that the stamps are dates, or that the file runs through time without great
leaps, as a device's log does. One stamp alone proves nothing unless its day is above twelve.
"""

from __future__ import annotations

import duckdb

ORDERS = {"day first": "%d-%m-%Y", "month first": "%m-%d-%Y"}
CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
_LEAP_DAYS = 3
_MOSTLY = 0.95
"""Stamps that must be dates: a few broken ones are records to be rejected, and no evidence."""


def decide(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> tuple[str, str] | None:
    """The order of a column of stamps and DuckDB's format for it; None where the file allows both, or neither.

    Args:
        connection: where the table is.
        table: rows in the order of the file.
        column: texts; ``/`` and ``.`` between the parts are read as ``-`` (``normalised``). Nulls are passed over.
    """
    fitting: list[tuple[int, str, str]] = []
    for order, date in ORDERS.items():
        for clock in CLOCKS:
            kind = f"{date} {clock}"
            texts, dates, leaps = connection.execute(
                f"""
                with stamp as (
                    select row_number() over () as n, {normalised(column)} as text
                    from {table} where {column} is not null
                ),
                read as (select n, try_strptime(text, $1) as stamped from stamp)
                select
                    count(*),
                    count(stamped),
                    count(*) filter (abs(epoch(stamped) - epoch(before)) > {_LEAP_DAYS} * 86400)
                from (select *, lag(stamped) over (order by n) as before from read)
                """,
                [kind],
            ).fetchall()[0]
            if texts and dates >= _MOSTLY * texts:
                fitting.append((leaps, order, kind))
    if len({order for _, order, _ in fitting}) == 2:
        # both orders give dates: only one may run through time without leaps, and there must be a day's change to see
        smooth = [one for one in fitting if one[0] == 0]
        if len({order for _, order, _ in smooth}) != 1:
            return None
        fitting = smooth
    return (fitting[0][1], fitting[0][2]) if fitting else None


def normalised(column: str) -> str:
    """SQL: the column with ``-`` between the parts of its dates."""
    return f"replace(replace(trim({column}), '/', '-'), '.', '-')"

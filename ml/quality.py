"""Before learning: concepts whose results are copies of each other, which no plausible range can find."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from lake.settings import Settings
from ml import core

_PEOPLE = 20_000
"""People looked at; a copied column shows in a few hundred."""
_FEWEST = 100
_SHARE = 0.95


@dataclass(frozen=True)
class Copies:
    """Two concepts with equal values for the same person at the same moment, in ``share`` of ``n`` pairs."""

    concept: str
    other: str
    n: int
    share: float


def copies(settings: Settings) -> list[Copies]:
    """Return the pairs of measurement concepts of this home that carry the same numbers."""
    connection = core.open_core(settings)
    try:
        return copied(connection)
    finally:
        connection.close()


def copied(connection: duckdb.DuckDBPyConnection) -> list[Copies]:
    """The same on an open core. One of NAFLD's published builds has every cholesterol equal to the HDL of its day."""
    query = """
        with
            person as (
                select person_id
                from twin_person
                order by md5(person_id)
                limit $people
            ),
            result as (
                select m.person_id, m.concept, m.event_at, m.value_std
                from twin_measurement as m
                inner join person as p using (person_id)
                where m.concept is not null and m.value_std is not null
            )
        select a.concept, b.concept as other, count(*) as n, avg((a.value_std = b.value_std)::int) as share
        from result as a
        inner join result as b on b.person_id = a.person_id and b.event_at = a.event_at and a.concept < b.concept
        group by all
        having n >= $fewest and share >= $share
        order by all
    """
    rows = connection.execute(query, {"people": _PEOPLE, "fewest": _FEWEST, "share": _SHARE}).fetchall()
    return [Copies(*row) for row in rows]

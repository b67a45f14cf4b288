"""A feature set for any people at any moments, with when each value was known: no task, no outcome, no model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from lake.settings import Settings
from ml import core
from ml.features.build import Design, build
from ml.features.spec import FeatureSet

KEYS = ("person_id", "index_at")


class NotAFeatureRequest(Exception):
    """The file does not name people and moments."""


@dataclass(frozen=True)
class Refused:
    """A row that got no features. ``row_no`` counts from 1, without the header."""

    row_no: int
    reason: str


@dataclass(frozen=True)
class FeatureTable:
    """Features of the rows that could be used, and the rows that could not."""

    design: Design
    rows: int
    refused: tuple[Refused, ...]

    def long(self) -> pa.Table:
        """One row per person, moment and value that exists, with its unit, event_at and known_at."""
        present = ~np.isnan(self.design.values)
        row, column = np.nonzero(present)
        names = pa.array(self.design.names)
        units = pa.array([one.unit for one in self.design.columns])
        return pa.table(
            {
                "person_id": pa.array(self.design.person_id, pa.string()).take(pa.array(row)),
                "index_at": pa.array(self.design.index_at[row]),
                "feature": names.take(pa.array(column)),
                "value": pa.array(self.design.values[present]),
                "unit": units.take(pa.array(column)),
                "event_at": pa.array(self.design.event_at[present]),
                "known_at": pa.array(self.design.known_at[present]),
            }
        )

    def wide(self) -> pa.Table:
        """One row per person and moment; each feature with a column ``<feature>__known_at`` beside it."""
        table = self.design.wide()
        for number, name in enumerate(self.design.names):
            table = table.append_column(f"{name}__known_at", pa.array(self.design.known_at[:, number]))
        order = [*KEYS, *(one for name in self.design.names for one in (name, f"{name}__known_at"))]
        return table.select(order)


def features_at(settings: Settings, feature_set: FeatureSet, path: Path) -> FeatureTable:
    """Compute a feature set for every row of a file, from what was known at its moment.

    Args:
        path: CSV or Parquet with the columns ``person_id`` and ``index_at`` (a date, or a time in UTC); others are
            ignored. The same person may stand in it at many moments.

    Raises:
        NotAFeatureRequest: the file cannot be read, or lacks a column.
        ml.core.CoreUnusable: core has not been built.
        ml.features.build.Leak: a value was known only after its moment.
    """
    import duckdb

    connection = core.open_core(settings)
    try:
        reader = "read_parquet($path)" if path.suffix == ".parquet" else "read_csv($path, all_varchar = true)"
        try:
            asked = connection.sql(f"select * from {reader}", params={"path": str(path)}).to_arrow_table()
        except duckdb.Error:
            raise NotAFeatureRequest(f"{path} is neither CSV nor Parquet with a header") from None
        if absent := [name for name in KEYS if name not in asked.column_names]:
            raise NotAFeatureRequest(
                f"{path} has no column {', '.join(absent)}; it has {', '.join(asked.column_names)}"
            )
        connection.register("asked", asked.select(KEYS).append_column("file_row", pa.array(range(1, len(asked) + 1))))
        connection.execute(
            """
            create temp table cohort as
            with
                matched as (
                    select
                        a.file_row,
                        p.person_id,
                        p.sex,
                        p.birth_date,
                        try_cast(a.index_at as timestamp) as index_at,
                        try_cast(a.index_at as date) as index_date
                    from asked as a
                    left join twin_person as p on p.person_id = cast(a.person_id as varchar)
                ),

                judged as (
                    select
                        *,
                        case
                            when person_id is null then 'person_id is not in twin_person'
                            when index_at is null then 'index_at is no date or time'
                        end as reason
                    from matched
                )

            select
                file_row,
                person_id,
                sex,
                index_at,
                date_diff('day', birth_date, index_date) / 365.25 as age_years,
                reason is null as eligible,
                reason,
                case
                    when reason is null then row_number() over (partition by reason is null order by file_row) - 1
                end as row_no
            from judged
            """
        )
        refused = connection.execute(
            "select file_row, reason from cohort where not eligible order by file_row"
        ).fetchall()
        return FeatureTable(build(connection, feature_set), len(asked), tuple(Refused(*one) for one in refused))
    finally:
        connection.close()

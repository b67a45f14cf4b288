"""Build features for the eligible rows of ``cohort``: run the queries, derive, check for leaks, lay out wide."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.features import compile as compiled
from ml.features.derive import FUNCTIONS
from ml.features.spec import Column, Derived, FeatureSet

_DECIMALS = 6


class Leak(Exception):
    """A feature used something that was not known at its index date."""


@dataclass(frozen=True)
class Design:
    """The design matrix of a cohort.

    Attributes:
        columns: what each column of ``values`` is.
        person_id, index_at: keys of the rows (n,).
        values: (n, p) float64, NaN where not known.
        known_at, event_at: (n, p) datetime64[us], NaT where not known: the latest moment any input of the value became
            known, and the latest date an input was observed.
    """

    columns: tuple[Column, ...]
    person_id: NDArray[np.object_]
    index_at: NDArray[np.datetime64]
    values: NDArray[np.float64]
    known_at: NDArray[np.datetime64]
    event_at: NDArray[np.datetime64]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one feature (n,)."""
        return self.values[:, self.names.index(name)]

    def wide(self) -> pa.Table:
        """Return keys and features as Arrow, one row per person and index date; NaN becomes null."""
        columns = {"person_id": pa.array(self.person_id, pa.string()), "index_at": pa.array(self.index_at)}
        for number, column in enumerate(self.columns):
            columns[column.name] = pa.array(self.values[:, number], from_pandas=True)
        return pa.table(columns)


def build(connection: duckdb.DuckDBPyConnection, feature_set: FeatureSet) -> Design:
    """Compute a feature set for the eligible rows of the temp table ``cohort``, in the order of ``row_no``.

    Raises:
        Leak: some value was known only after its index date.
    """
    keys = connection.sql("select person_id, index_at from cohort where eligible order by row_no").to_arrow_table()
    rows, width = keys.num_rows, len(feature_set.columns)
    values = np.full((rows, width), np.nan)
    known_at = np.full((rows, width), np.datetime64("NaT", "us"))
    event_at = np.full((rows, width), np.datetime64("NaT", "us"))
    connection.execute(compiled.CONTACT)
    for query in compiled.queries(feature_set):
        long = connection.execute(query).fetchnumpy()
        at = (np.asarray(long["row_no"], np.int64), np.asarray(long["feature_no"], np.int64))
        # sums over rows in another order differ in their last digits; equal facts must give equal features
        values[at] = np.round(np.ma.filled(np.ma.asarray(long["value"], np.float64), np.nan), _DECIMALS)
        known_at[at] = np.asarray(long["known_at"], "datetime64[us]")
        event_at[at] = np.asarray(long["event_at"], "datetime64[us]")
    connection.execute("drop table contact")
    design = Design(
        feature_set.columns,
        np.asarray(keys["person_id"].to_pylist(), object),
        keys["index_at"].to_numpy().astype("datetime64[us]"),
        values,
        known_at,
        event_at,
    )
    _derive(design, feature_set)
    if leaks := leak_check(design):
        raise Leak(
            "values known only after their index date: "
            + ", ".join(f"{name} ({count} rows)" for name, count in sorted(leaks.items()))
        )
    return design


def leak_check(design: Design) -> dict[str, int]:
    """Return, by feature, how many values were known or observed after their index date; empty when none were."""
    with np.errstate(invalid="ignore"):
        late = (design.known_at > design.index_at[:, None]) | (design.event_at > design.index_at[:, None])
    late |= ~np.isnan(design.values) & np.isnat(design.known_at)  # a value without provenance cannot be vouched for
    return {column.name: int(count) for column, count in zip(design.columns, late.sum(axis=0), strict=True) if count}


def _derive(design: Design, feature_set: FeatureSet) -> None:
    number = {name: i for i, name in enumerate(design.names)}
    for one in feature_set.features:
        if not isinstance(one, Derived):
            continue
        inputs = [number[name] for name in one.inputs.values()]
        target = number[one.name]
        result = FUNCTIONS[one.function](
            **{key: design.values[:, i] for key, i in zip(one.inputs, inputs, strict=True)}
        )
        design.values[:, target] = result
        present = ~np.isnan(result)
        for moments in (design.known_at, design.event_at):
            # NaT compares as the smallest integer, so the latest known input wins
            latest = moments[:, inputs].astype(np.int64).max(axis=1).astype("datetime64[us]")
            moments[present, target] = latest[present]

"""The macros and seeds of ``transform/`` in an in-memory DuckDB: one text for the warehouse and for Python."""

from __future__ import annotations

import csv
from functools import cache

import duckdb

from lake.settings import PROJECT_DIR

TRANSFORM = PROJECT_DIR / "transform"
TYPES = {
    "is_metric": "boolean",
    "is_catalytic": "boolean",
    "factor": "double",
    "value_offset": "double",
    "molar_mass": "double",
    "valence": "integer",
    "plausible_min": "double",
    "plausible_max": "double",
}
"""Columns of seeds that are not text; the same types stand in the seeds' YAML."""


def with_seeds(*paths: str) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB with seeds (paths under ``transform/seeds``, without ``.csv``) as tables.

    The seeds are read once per process; each caller gets a connection of its own, for temporary tables.
    """
    return _loaded(paths).cursor()


@cache
def _loaded(paths: tuple[str, ...]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={"threads": 1})
    for path in paths:
        file = TRANSFORM / "seeds" / f"{path}.csv"
        with file.open(encoding="utf-8", newline="") as lines:
            names = next(csv.reader(lines))
        columns = {name: TYPES.get(name, "varchar") for name in names}
        connection.execute(
            f'create table "{file.stem}" as select * from read_csv($1, header = true, auto_detect = false,'
            f" delim = ',', quote = '\"', escape = '\"', nullstr = '', columns = {columns!r})",
            [str(file)],
        )
    return connection

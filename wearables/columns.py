"""A CSV file whose columns the caller names, as Arrow columns of text: for commands that take any table."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv


class BadTable(ValueError):
    """The file is no table, or lacks a column."""


def read_table(path: Path) -> pa.Table:
    """All columns of a CSV file with a header, as text; empty cells are null.

    Raises:
        BadTable: the file cannot be split into columns.
    """
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        names = [name.strip() for name in file.readline().rstrip("\r\n").split(",")]
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    try:
        table = pyarrow.csv.read_csv(path, convert_options=options)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadTable(f"{path.name} is no CSV table with a header: {type(error).__name__}") from None
    if len(set(table.column_names)) != len(table.column_names):
        raise BadTable(f"{path.name} has columns of the same name")
    return table.rename_columns([name.strip() for name in table.column_names])


def column(table: pa.Table, name: str) -> pa.ChunkedArray:
    """A column by its name.

    Raises:
        BadTable: there is none; the message lists those that there are.
    """
    if name not in table.column_names:
        raise BadTable(f"no column {name!r}; there are {', '.join(table.column_names)}")
    return table.column(name)


def times(table: pa.Table, name: str) -> pa.ChunkedArray:
    """A column of ISO 8601 times without a zone; null where a cell is none."""
    import duckdb

    one = pa.table({"text": column(table, name).cast(pa.string())})
    with duckdb.connect(":memory:") as connection:
        connection.register("one", one)
        return connection.sql("select try_cast(text as timestamp) as t from one").to_arrow_table().column("t")


def numbers(table: pa.Table, name: str) -> pa.ChunkedArray:
    """A column of numbers; null where a cell is none."""
    import duckdb

    one = pa.table({"text": column(table, name).cast(pa.string())})
    with duckdb.connect(":memory:") as connection:
        connection.register("one", one)
        return (
            connection.sql(
                "select case when isfinite(try_cast(text as double)) then try_cast(text as double) end as n from one"
            )
            .to_arrow_table()
            .column("n")
        )

"""Raw and derived tables: a name, a sentence, an Arrow schema. Each room declares its own; this is what they share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pyarrow as pa

UTC_TIME = pa.timestamp("us")
"""Timestamps are UTC without a zone, in microseconds; the source's local text and offset are kept in other columns."""

DELIVERY_COLUMNS = (
    pa.field(
        "source", pa.string(), nullable=False, metadata={"description": "Delivering source: the folder under landing."}
    ),
    pa.field("account", pa.string(), metadata={"description": "Account the file was delivered for, if any."}),
    pa.field("file_id", pa.string(), nullable=False, metadata={"description": "sha256 of the landed file."}),
)
"""Added to every raw row by the sink, so that a fact can be traced to its file."""


@dataclass(frozen=True)
class Table:
    """A table in the lake.

    ``schema`` holds the columns a reader produces. Raw tables also carry the delivery columns, which the sink adds.
    """

    name: str
    description: str
    schema: pa.Schema

    def requiring(self, *columns: str) -> Table:
        """The table with columns that are never null: they cost less to write, and a null in one is an error."""
        fields = [one.with_nullable(False) if one.name in columns else one for one in self.schema]
        return replace(self, schema=pa.schema(fields))

    @property
    def raw_schema(self) -> pa.Schema:
        """The columns as stored in ``raw/``: the reader's own, then the delivery columns."""
        return pa.schema([*self.schema, *DELIVERY_COLUMNS])


def table(name: str, description: str, **columns: pa.DataType) -> Table:
    """Declare a table: ``table("wearable_sample", "One row per …", metric=pa.string(), …)``."""
    return Table(name, description, pa.schema([pa.field(column, kind) for column, kind in columns.items()]))


def by_name(tables: Iterable[Table]) -> dict[str, Table]:
    """Index tables by name; refuses two different tables of the same name."""
    index: dict[str, Table] = {}
    for one in tables:
        if index.setdefault(one.name, one) != one:
            raise ValueError(f"two different tables are named {one.name!r}")
    return index

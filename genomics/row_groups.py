"""Rows held back until they make a row group: small ones cost more to write and to read."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

ROW_GROUP = 122_880
"""Rows of a group: as many as DuckDB reads at a time. Larger ones saved a tenth of the time and cost 120 MB."""


class RowGroups:
    """Collects the rows of several tables and writes each as large groups."""

    def __init__(self, write: Callable[[str, pa.Table], None]) -> None:
        self._write = write
        self._held: dict[str, list[pa.Table]] = {}

    def add(self, table: str, rows: pa.Table) -> None:
        """Hold rows of a table, and write what is held once it is enough."""
        if not rows.num_rows:
            return
        held = self._held.setdefault(table, [])
        held.append(rows)
        if sum(one.num_rows for one in held) >= ROW_GROUP:
            self._flush(table)

    def close(self) -> None:
        """Write what is still held."""
        for table in list(self._held):
            self._flush(table)

    def _flush(self, table: str) -> None:
        held = self._held.pop(table)
        # texts that were coded batch by batch get one dictionary, or the writer would spell them out again
        self._write(table, pa.concat_tables(held).unify_dictionaries())

"""Many small files in one statement: what a file costs before its first byte is paid once for all of them.

DuckDB plans a reader's SQL anew for each statement, which for a file of a few kilobytes costs a hundred times more than
its bytes. Files that a reader says belong together are therefore read at once. Their records are told apart by
**global record numbers**: record ``n`` of file ``i`` (from 0) is ``i * RECORDS_PER_FILE + n``. A single file has the
number 0, so its global numbers are its own, and the same SQL serves both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lake.quarantine import BadFile
from lake.settings import Settings
from lake.sink import Sink

RECORDS_PER_FILE = 1 << 40
SMALL_FILE_BYTES = 1 << 20
"""Files above this size have work enough of their own."""
TOGETHER_BYTES = 16 << 20


class NotTogether(Exception):
    """These files cannot be read in one go; each is read alone, and the one that is to blame is found."""


class Together(Sink):
    """The sink of several files: what a reader writes with global record numbers goes to each file's own sink."""

    def __init__(
        self, settings: Settings, sinks: Sequence[Sink], work: Path, database: duckdb.DuckDBPyConnection | None
    ) -> None:
        super().__init__(settings, file_id="", source="", account=None, work=work, database=database)
        self.sinks = sinks
        self.refused: dict[int, BadFile] = {}
        self._tables = sinks[0]._tables

    def of(self, number: int) -> Sink:
        """The sink of file ``number``."""
        return self.sinks[number]

    def refuse(self, number: int, bad: BadFile) -> None:
        """Refuse one of the files; the reader leaves it out and goes on."""
        self.refused[number] = bad

    def reject(
        self,
        position: str,
        reason: str,
        detail: str,
        *,
        record_no: int | None = None,
        table: str | None = None,
        text: str | None = None,
    ) -> None:
        """Put one record into the quarantine of its file: ``record_no`` is global, ``position`` speaks of the file."""
        if record_no is None:
            raise NotTogether
        number, own = divmod(record_no, RECORDS_PER_FILE)
        self.sinks[number].reject(position, reason, detail, record_no=own, table=table, text=text)

    def count(self, read: int, accepted: int, ignored: dict[str, int] | None = None) -> None:
        """Counts belong to a file: use ``of(number).count``."""
        raise NotTogether

    def note(self, key: str, value: str) -> None:
        """Notes belong to a file: use ``of(number).note``."""
        raise NotTogether

    def close(self) -> dict[str, Path]:
        """Hand every file its rows; the files' own sinks hold the drafts."""
        for table, draft in super().close().items():
            self._hand_out(table, pq.ParquetFile(draft).read())
        return {}

    def _hand_out(self, table: str, rows: pa.Table) -> None:
        numbers = rows.column("record_no").to_numpy()
        if np.any(np.diff(numbers) < 0):
            rows = rows.sort_by("record_no")
            numbers = rows.column("record_no").to_numpy()
        own = pa.array(numbers % RECORDS_PER_FILE)
        rows = rows.set_column(rows.schema.get_field_index("record_no"), "record_no", own)
        files, starts = np.unique(numbers // RECORDS_PER_FILE, return_index=True)
        ends = [*starts[1:], rows.num_rows]
        for file, start, end in zip(files, starts, ends, strict=True):
            self.sinks[int(file)].write(table, rows.slice(int(start), int(end - start)))

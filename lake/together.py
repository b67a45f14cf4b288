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
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lake.quarantine import BadFile
from lake.settings import Settings
from lake.sink import Sink
from lake.tables import DELIVERY_COLUMNS

_NUMBER_BITS = 40
RECORDS_PER_FILE = 1 << _NUMBER_BITS
SMALL_FILE_BYTES = 1 << 20
"""Files above this size have work enough of their own."""
TOGETHER_BYTES = 16 << 20


class NotTogether(Exception):
    """These files cannot be read in one go; each is read alone, and the one that is to blame is found."""


class Together(Sink):
    """The sink of several files: what a reader writes with global record numbers goes to each file's own sink."""

    def __init__(
        self,
        settings: Settings,
        sinks: Sequence[Sink],
        work: Path,
        database: duckdb.DuckDBPyConnection | None,
        drafts: Path,
    ) -> None:
        super().__init__(settings, file_id="", source="", account=None, work=work, database=database)
        self.sinks = sinks
        self.drafts = drafts
        """Where the files' rows are written; they stay when the group's scratch folder is removed."""
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
        if not pc.all(pc.greater_equal(rows["record_no"][1:], rows["record_no"][:-1])).as_py():
            rows = rows.sort_by("record_no")
        file = pc.shift_right(rows["record_no"], _NUMBER_BITS).combine_chunks()
        columns = {one.name: rows.column(one.name) for one in self._declared(table).schema}
        columns["record_no"] = pc.bit_wise_and(rows["record_no"], RECORDS_PER_FILE - 1)
        for one in DELIVERY_COLUMNS:
            columns[one.name] = pa.array([getattr(sink, one.name) for sink in self.sinks], one.type).take(file)
        whole = pa.table(columns, self._declared(table).raw_schema).combine_chunks()
        runs = pc.run_end_encode(file)
        start = 0
        for number, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            draft = self.drafts / f"{self.work.name}.{number}.{table}.parquet"
            self.sinks[number].adopt(table, whole.slice(start, end - start), draft)
            start = end

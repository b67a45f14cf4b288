"""The sink: where a reader puts accepted rows and rejected records, and where both are counted."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lake.quarantine import Rejected
from lake.settings import Settings
from lake.sql import literal
from lake.tables import DELIVERY_COLUMNS, Table, by_name
from lake.warehouse import memory

PARQUET: dict[str, Any] = {"compression": "zstd", "compression_level": 3}
FEW_ROWS = 1_000
_CODED: dict[str, Any] = {"compression": "zstd", "compression_level": 1, "write_batch_size": 1 << 17}
"""For columns that are coded already, more effort saves next to nothing."""


class Sink:
    """Collects what one landed file yields, in drafts; nothing is visible before ``lake.ingest`` commits it.

    A reader calls ``write`` (Arrow) or ``write_query`` (SQL) for accepted rows, ``reject`` for bad records, and
    ``count`` once or more for the records it met. Records are the file's own units (lines, messages, elements), rows
    are what they became: one record may give several rows.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        file_id: str,
        source: str,
        account: str | None,
        work: Path,
        database: duckdb.DuckDBPyConnection | None = None,
    ) -> None:
        self.settings = settings
        self.file_id = file_id
        self.source = source
        self.account = account
        self._work = work
        self.rejected: list[Rejected] = []
        self.records_read = 0
        self.records_accepted = 0
        self.records_ignored: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.notes: dict[str, str] = {}
        self._tables: dict[str, Table] = {}
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._parts: dict[str, list[Path]] = {}
        self._database = database
        self._connection: duckdb.DuckDBPyConnection | None = None

    def declare(self, tables: Iterable[Table]) -> None:
        """Say which tables may be written."""
        self._tables = by_name(tables)

    @property
    def work(self) -> Path:
        """A scratch folder of this file, removed afterwards; it exists from when it is first asked for."""
        if not self._work.is_dir():
            self._work.mkdir(parents=True, exist_ok=True)
        return self._work

    def clear(self) -> None:
        """Remove the scratch folder."""
        try:
            self._work.rmdir()
        except FileNotFoundError:
            pass
        except OSError:  # not empty
            shutil.rmtree(self._work, ignore_errors=True)

    def parts(self, table: str) -> list[Path]:
        """The Parquet files that hold what has been written to a table."""
        return [*self._parts.get(table, ())]

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection of this file alone, without extensions from outside; closed with the sink.

        The database behind it may serve other files at the same time: create temporary objects only.
        """
        if self._connection is None:
            if self._database is None:
                self._connection = memory(self.settings, self.work)
            else:
                self._connection = self._database.cursor()
                self._connection.execute("set timezone = 'UTC'")
        return self._connection

    def write(self, table: str, rows: pa.Table | pa.RecordBatch) -> None:
        """Append accepted rows. Columns must be those of the declared table, in any order; types are cast safely."""
        declared = self._declared(table)
        if rows.num_rows == 0:
            return
        if isinstance(rows, pa.RecordBatch):
            rows = pa.Table.from_batches([rows])
        arrays = [_declared_or_coded(rows.column(one.name), one.type) for one in declared.schema]
        arrays += [_constant(value, rows.num_rows) for value in (self.source, self.account, self.file_id)]
        fields = [
            pa.field(one.name, array.type, one.nullable) for one, array in zip(declared.raw_schema, arrays, strict=True)
        ]
        columns = pa.table(arrays, pa.schema(fields))
        writer = self._writers.get(table)
        if writer is None:
            writer = self._writers[table] = parquet_writer(self._new_part(table), columns)
        writer.write_table(_like(columns, writer.schema))
        self.rows[table] += rows.num_rows

    def adopt(self, table: str, rows: pa.Table, draft: Path) -> None:
        """Append rows that have all columns of the raw table already, as a Parquet file of their own at ``draft``.

        It is made in memory: a writer to a file asks the system for its place and writes a little, column by column.
        """
        buffer = pa.BufferOutputStream()
        with parquet_writer(buffer, rows) as writer:
            writer.write_table(rows)
        draft.write_bytes(buffer.getvalue())
        self._parts.setdefault(table, []).append(draft)
        self.rows[table] += rows.num_rows

    def write_query(self, table: str, query: str, parameters: dict[str, object] | None = None) -> int:
        """Append the result of a SQL query on ``self.connection``; returns the rows written.

        The query must yield the declared columns by name. It runs inside DuckDB and never passes through Python.
        """
        declared = self._declared(table)
        if table in self._writers:
            return self._append(table, query, parameters)
        part = self._new_part(table)
        kinds = {field.name: duckdb_type(field.type) for field in declared.schema}
        listing = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in kinds.items())
        delivery = {"delivery_source": self.source, "delivery_account": self.account, "delivery_file": self.file_id}
        self.connection.execute(
            f"copy (select {listing}, $delivery_source::varchar as source, $delivery_account::varchar as account,"
            f" $delivery_file::varchar as file_id from ({query}) as rows)"
            f" to {literal(part)} (format parquet, compression zstd, compression_level 3)",
            {**(parameters or {}), **delivery},
        )
        written = pq.ParquetFile(part).metadata.num_rows
        if written == 0:
            part.unlink()
            self._parts[table].remove(part)
        self.rows[table] += written
        return written

    def _append(self, table: str, query: str, parameters: dict[str, object] | None) -> int:
        """Write the result of a query behind rows that came as Arrow, so that the table stays one file."""
        before = self.rows[table]
        for batch in self.connection.sql(query, params=parameters).to_arrow_reader(100_000):
            self.write(table, batch)
        return self.rows[table] - before

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
        """Put one record into quarantine. ``detail`` must not hold values of people; ``text`` may, it stays there."""
        self.rejected.append(Rejected(position, reason, detail, record_no, table, text))

    def of(self, number: int) -> Sink:
        """The sink of file ``number`` among files read together (``lake.together``); a single file is number 0."""
        return self

    def count(self, read: int, accepted: int, ignored: dict[str, int] | None = None) -> None:
        """Account for records: ``read`` = ``accepted`` + rejected + ``ignored`` (by reason) must hold in the end."""
        self.records_read += read
        self.records_accepted += accepted
        self.records_ignored.update(ignored or {})

    def note(self, key: str, value: str) -> None:
        """Keep a fact about the file (format version, genome build, device) in its manifest entry."""
        self.notes[key] = value

    def close(self) -> dict[str, Path]:
        """Finish writing; returns one draft Parquet file per table that got rows."""
        self.abandon()
        return {table: self._single(table, parts) for table, parts in self._parts.items() if parts}

    def abandon(self) -> None:
        """Let go of files and connection, whatever state they are in."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def discard(self) -> None:
        """Forget all rows written so far: the whole file is refused."""
        self.abandon()
        for part in (one for parts in self._parts.values() for one in parts):
            part.unlink(missing_ok=True)
        self._parts.clear()
        self.rows.clear()

    def _declared(self, table: str) -> Table:
        if table not in self._tables:
            raise KeyError(f"{table!r} is not among the reader's declared tables: {sorted(self._tables)}")
        return self._tables[table]

    def _new_part(self, table: str) -> Path:
        parts = self._parts.setdefault(table, [])
        part = self.work / f"part.{table}.{len(parts)}.parquet"
        parts.append(part)
        return part

    def _single(self, table: str, parts: list[Path]) -> Path:
        if len(parts) == 1:
            return parts[0]
        merged = self.work / f"merged.{table}.parquet"
        with pq.ParquetWriter(merged, self._tables[table].raw_schema, **PARQUET) as writer:
            for part in parts:
                for batch in pq.ParquetFile(part).iter_batches():
                    writer.write_batch(batch.cast(self._tables[table].raw_schema))
        return merged


def parquet_writer(path: Path | pa.NativeFile, first: pa.Table) -> pq.ParquetWriter:
    """Open a Parquet file for rows like the first ones. Its columns are of plain types, however they come.

    Who codes columns of its own has said which ones repeat: whole numbers then are stored as differences. For a few
    rows, dictionaries, statistics and a strong compression cost more than all the rest and save nothing.
    """
    coded = [one.name for one in first.schema if pa.types.is_dictionary(one.type)]
    whole = [one.name for one in first.schema if pa.types.is_integer(one.type)]
    chosen = len(coded) > len(DELIVERY_COLUMNS)
    return pq.ParquetWriter(
        path,
        first.schema,
        store_schema=False,
        use_dictionary=coded if chosen else first.num_rows > FEW_ROWS,
        column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED") if chosen else None,
        write_statistics=whole if chosen else first.num_rows > FEW_ROWS,
        **(_CODED if chosen else PARQUET if first.num_rows > FEW_ROWS else {"compression": "lz4"}),
    )


def _declared_or_coded(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The column in its declared type, or coded by a dictionary of it."""
    if column.type == kind:
        return column
    if pa.types.is_dictionary(column.type) and column.type.value_type == kind:
        return column
    return column.cast(kind)


def _constant(value: str | None, number: int) -> pa.Array:
    """A text that is the same in all rows, stored once."""
    indices = pa.repeat(pa.scalar(None if value is None else 0, pa.int32()), number)
    return pa.DictionaryArray.from_arrays(indices, pa.array([value or ""], pa.string()))


def _like(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows with the columns coded as in the rows before."""
    for place, (found, wanted) in enumerate(zip(rows.schema, schema, strict=True)):
        if found.type != wanted.type:
            column = rows.column(place)
            coded = column.dictionary_encode() if pa.types.is_dictionary(wanted.type) else column.cast(wanted.type)
            rows = rows.set_column(place, wanted, coded)
    return rows


_DUCKDB_TYPES = {
    pa.string(): "varchar",
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
    pa.binary(): "blob",
}


def duckdb_type(kind: pa.DataType) -> str:
    """Return the DuckDB type name of an Arrow type, for the types that lake tables use."""
    if pa.types.is_list(kind):
        return f"{duckdb_type(kind.value_type)}[]"
    return _DUCKDB_TYPES[kind]

"""Running a mapping over a file: blocks of records → typed rows and refused records; every record is accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ehr.extract.compile import Compiled, compile_mapping
from ehr.extract.dialect import Dialect, choose, missing_columns
from ehr.extract.mapping import Mapping
from ehr.extract.records import Block, Broken, Splitter
from lake.quarantine import MAX_TEXT, BadFile, Rejected
from lake.reader import HEAD_BYTES
from lake.sql import identifier
from lake.tables import Table

PARQUET_MAGIC = b"PAR1"
_PARQUET_ROWS = 200_000


@dataclass
class Outcome:
    """What a run met: ``read`` = ``accepted`` + ``rejected``; blank lines are no records."""

    dialect: str
    compiled: Compiled
    read: int = 0
    accepted: int = 0
    rejected: int = 0
    blank: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(reason, target column or '') → records."""


Emit = Callable[[str], object]
"""Takes a query over the temporary table ``parsed`` that yields the accepted rows."""


def run(
    path: Path,
    mapping: Mapping,
    table: Table,
    connection: duckdb.DuckDBPyConnection,
    *,
    accept: Emit,
    reject: Callable[[Rejected], object],
) -> Outcome:
    """Read an uncompressed delimited or Parquet file through a mapping.

    Args:
        accept: called once per block with the query of its accepted rows.
        reject: called once per refused record.

    Raises:
        BadFile: the file as a whole does not fit the mapping.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(PARQUET_MAGIC):
        return _run_parquet(path, mapping, table, connection, accept=accept, reject=reject)
    dialect = choose(mapping, head)
    outcome = Outcome(f"text, delimiter {dialect.delimiter!r}", compile_mapping(mapping, table, dialect.header))

    def broken(one: Broken) -> None:
        outcome.rejected += 1
        outcome.reasons[one.reason, ""] += 1
        position = f"line {one.line_no}"
        reject(Rejected(position, one.reason, one.detail, one.record_no, table.name, one.text[:MAX_TEXT]))

    splitter = Splitter(
        dialect.delimiter, len(dialect.header), mapping.max_line_bytes, broken, line_no=dialect.skip_lines + 1
    )
    with path.open("rb") as stream:
        stream.seek(dialect.skip_bytes)
        for block in splitter.blocks(stream, mapping.encoding):
            rows = _columns(block, dialect, outcome.compiled.columns)
            for record, index in _stage(connection, rows, outcome, accept):
                line = int(block.line_no[index])
                text = block.text[block.starts[index] : min(block.ends[index], block.starts[index] + 4 * MAX_TEXT)]
                _refuse(
                    outcome, reject, table, position=f"line {line}", record=record, text=text.decode("utf-8", "replace")
                )
    outcome.read, outcome.blank = splitter.records, splitter.blank
    return outcome


def _columns(block: Block, dialect: Dialect, wanted: tuple[int, ...]) -> pa.Table:
    """Split records into text columns ``c0``, ``c1``, …; the records are known to be regular and complete."""
    names = [f"c{index}" for index in range(len(dialect.header))]
    rows = pyarrow.csv.read_csv(
        pa.BufferReader(block.text),
        read_options=pyarrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=len(block.text) + 1),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=dialect.delimiter,
            newlines_in_values=block.quoted,
            ignore_empty_lines=False,
            quote_char='"' if block.quoted else False,
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name: pa.string() for name in names},
            include_columns=[f"c{index}" for index in wanted],
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )
    if rows.num_rows != block.record_no.size and wanted:
        raise BadFile("unreadable_records", f"{block.record_no.size} records were cut, {rows.num_rows} were split")
    return rows.append_column("record_no", pa.array(block.record_no))


def _stage(
    connection: duckdb.DuckDBPyConnection, rows: pa.Table, outcome: Outcome, accept: Emit
) -> Iterator[tuple[tuple[int, int], int]]:
    """Type one block, hand over its good rows, yield ((record_no, problem), index in the block) of the others."""
    compiled = outcome.compiled
    connection.register("block", rows)
    connection.execute(f"create or replace temp table parsed as {compiled.query}")
    connection.unregister("block")
    bad = connection.execute(
        "select ordinal, problem from parsed where problem is not null order by ordinal"
    ).fetchall()
    if len(bad) < rows.num_rows:
        accept("select * from parsed where problem is null")
    outcome.accepted += rows.num_rows - len(bad)
    if bad:
        ordinals = np.array([ordinal for ordinal, _ in bad], np.int64)
        places = np.searchsorted(rows.column("record_no").to_numpy(), ordinals)
        yield from zip(bad, places.tolist(), strict=True)
    connection.execute("drop table parsed")


def _refuse(
    outcome: Outcome,
    reject: Callable[[Rejected], object],
    table: Table,
    *,
    position: str,
    record: tuple[int, int],
    text: str | None,
) -> None:
    ordinal, problem = record
    check = outcome.compiled.checks[problem - 1]
    outcome.rejected += 1
    outcome.reasons[check.reason, check.column] += 1
    detail = f"column {check.source!r} ({check.column}): {check.expected}"
    reject(Rejected(position, check.reason, detail, ordinal, table.name, text[:MAX_TEXT] if text else None))


def _run_parquet(
    path: Path,
    mapping: Mapping,
    table: Table,
    connection: duckdb.DuckDBPyConnection,
    *,
    accept: Emit,
    reject: Callable[[Rejected], object],
) -> Outcome:
    """Parquet goes the same way: its values as text, so that a mapping means the same for both."""
    try:
        file = pq.ParquetFile(path)
        header = tuple(file.schema_arrow.names)
        missing = missing_columns(mapping, header)
        if missing:
            raise BadFile(
                "missing_column",
                f"mapping {mapping.name} expects columns {', '.join(missing)}; found {', '.join(header)}",
            )
        outcome = Outcome("parquet", compile_mapping(mapping, table, header))
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
            rows = _as_text(connection, pa.Table.from_batches([batch]), outcome.read)
            outcome.read += rows.num_rows
            for record, index in _stage(connection, rows, outcome, accept):
                text = ",".join(str(value) for value in rows.slice(index, 1).to_pylist()[0].values())
                _refuse(outcome, reject, table, position=f"row {record[0]}", record=record, text=text)
    except pa.ArrowException as error:
        raise BadFile("corrupt_parquet", f"not a readable Parquet file: {type(error).__name__}") from None
    return outcome


def _as_text(connection: duckdb.DuckDBPyConnection, batch: pa.Table, before: int) -> pa.Table:
    columns = [f"cast({identifier(name)} as varchar) as c{index}" for index, name in enumerate(batch.column_names)]
    connection.register("typed_batch", batch)
    try:
        rows = connection.sql(f"select {', '.join(columns)} from typed_batch").to_arrow_table()
    finally:
        connection.unregister("typed_batch")
    return rows.append_column("record_no", pa.array(np.arange(1, rows.num_rows + 1) + before))

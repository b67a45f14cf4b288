"""The fast way: one resource type, one resource per line, read by DuckDB straight into structs.

FHIR allows far more than any one file holds, and DuckDB pays for every element it is asked for. A sample of the file
says which elements occur; the view is compiled for those alone, so that any other stops the reader: the file is then
read again with all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from ehr.fhir import lines, views
from ehr.fhir.source import MAX_LINE_BYTES, ndjson
from ehr.fhir.tables import TABLES
from ehr.fhir.values import quote
from lake.sink import Sink
from lake.tables import by_name
from lake.together import RECORDS_PER_FILE, NotTogether, Together

BY_NAME = by_name(TABLES)


def read(path: Path, resource: str, sink: Sink) -> bool:
    """Stage the file; False when it is not a clean file of this one type (the sink must then be discarded).

    Record numbers are line numbers: DuckDB gives rows in file order, and as many rows of this type as the file has
    lines means that nothing was skipped.

    Raises:
        duckdb.Error: a line is not JSON or has a wrong shape.
    """
    found = lines.look(path)
    expected = found.lines
    if found.is_marked:
        return False
    if resource not in views.STAGED:
        if not _is_all(sink.connection, path, resource, expected):
            return False
        sink.count(expected, 0, {f"unsupported resource type {resource}": expected})
        return True
    if not _stage(sink, path, resource, [expected]):
        return False
    sink.count(expected, expected)
    return True


def read_together(paths: Sequence[Path], resource: str, group: Together) -> None:
    """Stage several small files of one resource type as if they were one.

    Raises:
        NotTogether: they are not all clean files of this one type.
        duckdb.Error: a line is not JSON or has a wrong shape.
    """
    joined = group.work / "joined.ndjson"
    counts = _join(paths, joined)
    if lines.look(joined).is_marked:
        raise NotTogether
    if resource not in views.STAGED:
        if not _is_all(group.connection, joined, resource, sum(counts)):
            raise NotTogether
        for number, lines_read in enumerate(counts):
            group.of(number).count(lines_read, 0, {f"unsupported resource type {resource}": lines_read})
        return
    if not _stage(group, joined, resource, counts):
        raise NotTogether
    for number, lines_read in enumerate(counts):
        group.of(number).count(lines_read, lines_read)


def _stage(sink: Sink, path: Path, resource: str, counts: Sequence[int]) -> bool:
    """Write the rows of lines that are believed to be clean; False when they are not those of all of them.

    Args:
        counts: how many lines each of the files has that stand in ``path`` one after the other.
    """
    table = views.STAGED[resource]
    absent = absent_from(path, resource)

    def write(absent: frozenset[str]) -> None:
        sink.write_query(table, views.rows(resource, _source(path, resource, counts, absent), absent))

    try:
        write(absent)
    except duckdb.Error as error:
        if " to ENUM" not in str(error):
            raise
        sink.discard()
        write(views.NOTHING)
    parts = sink.parts(table)
    return len(parts) == 1 and complete(sink.connection, parts[0], resource, sum(counts))


def absent_from(path: Path, resource: str) -> frozenset[str]:
    """Elements that the view of a type reads and a sample of the file does not hold."""
    return views.plan(resource).shape.names - lines.names(path) - {"resourceType", "id"}


def _is_all(connection: duckdb.DuckDBPyConnection, path: Path, resource: str, expected: int) -> bool:
    """Whether the file is ``expected`` resources of this type, which no view stages."""
    only_type = ndjson([path], {"resourceType": "VARCHAR"})
    found = connection.execute(f'select count(*) filter ("resourceType" = {quote(resource)}) from {only_type}')
    return found.fetchone() == (expected,)


def _join(paths: Sequence[Path], target: Path) -> list[int]:
    """Write the files one after the other, every line with an end; returns the lines of each."""
    counts = []
    with target.open("wb") as out:
        for path in paths:
            content = path.read_bytes()
            content += b"" if content.endswith(b"\n") else b"\n"
            counts.append(content.count(b"\n"))
            out.write(content)
    return counts


def complete(connection: duckdb.DuckDBPyConnection, written: Path, resource: str, expected: int) -> bool:
    """Whether the rows written are those of ``expected`` records, and no value of theirs is a misreading.

    DuckDB gives an object as text where FHIR has a primitive, and takes ``NaN`` and ``1e999`` for numbers, which JSON
    does not have; everything else of a wrong shape is an error of its own.
    """
    schema = BY_NAME[views.STAGED[resource]].schema
    ranges = _ranges(written)
    texts = [field.name for field in schema if field.type == "string"]
    numbers = [field.name for field in schema if field.type == "double"]
    odd = " or ".join(
        [f'starts_with("{one}", \'{{"\')' for one in texts if _may_hold(ranges[one], b"{")]
        # a text such as the unit [degF] is no list
        + [
            f'case when starts_with("{one}", \'[\') then json_valid("{one}") end'
            for one in texts
            if _may_hold(ranges[one], b"[")
        ]
        + [f'not isfinite("{one}")' for one in numbers]
    )
    counted = connection.execute(
        f"select count(distinct record_no), coalesce(bool_or(record_no is null or {odd or 'false'}), false)"
        f" from read_parquet({quote(str(written))})"
    ).fetchone()
    return counted == (expected, False)


Range = tuple[bytes, bytes] | None
"""Least and greatest text of a column; None where the file does not say."""


def _ranges(written: Path) -> dict[str, list[Range]]:
    """What a Parquet file says of the texts in each of its row groups, so that most columns need not be looked at."""
    metadata = pq.ParquetFile(written).metadata
    found: dict[str, list[Range]] = {}
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            if column.physical_type != "BYTE_ARRAY":
                continue
            ranges = found.setdefault(column.path_in_schema, [])
            told = column.statistics
            if told is not None and told.has_min_max:
                ranges.append((_bytes(told.min_raw), _bytes(told.max_raw)))
            elif told is None or told.null_count != column.num_values:
                ranges.append(None)
    return found


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _may_hold(ranges: list[Range], first: bytes) -> bool:
    """Whether a text that begins with this character can lie within one of the ranges."""
    return any(one is None or (one[0][:1] <= first <= one[1][:1]) for one in ranges)


def _source(path: Path, resource: str, counts: Sequence[int], absent: frozenset[str]) -> str:
    """The lines as structs with their numbers, and with the quantities as written where those are staged."""
    rows = ndjson([path], views.plan(resource, absent).columns)
    firsts = ((number * RECORDS_PER_FILE + 1, lines_read) for number, lines_read in enumerate(counts))
    ranges = ", ".join(f"({first}, {first + lines_read})" for first, lines_read in firsts)
    numbers = f"(select unnest(range(first, past)) as record_no from (values {ranges}) as file(first, past))"
    if not views.has_literals(resource, absent):
        return f"(select * from {rows} positional join {numbers})"
    text = (
        f"read_csv({quote(str(path))}, columns={{'line': 'VARCHAR'}}, delim='\x01', quote='', escape='',"
        f" header=false, auto_detect=false, max_line_size={MAX_LINE_BYTES})"
    )
    literals = f"(select {views.literals('line')} as literals from {text})"
    return f"(select * from {rows} positional join {literals} positional join {numbers})"

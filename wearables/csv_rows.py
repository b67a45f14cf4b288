"""Delimited text with a header line: every line becomes a row of text columns or a rejected line."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from lake.quarantine import BadFile
from lake.sink import Sink
from lake.sql import literal
from wearables.source_text import REPLACEMENT, SourceText

QUOTE = b'"'
"""To be counted when the text is cleaned."""

_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Header:
    """The header line: delimiter and column names as written, trimmed."""

    delimiter: str
    names: tuple[str, ...]


def header_of(line: str) -> Header:
    """Split a header line at the delimiter that gives the most names; what opens JSON or XML is no header."""
    if line[:1] in ("{", "[", "<"):
        return Header(",", ())
    try:
        splits = [(delimiter, next(csv.reader([line], delimiter=delimiter), [])) for delimiter in _DELIMITERS]
    except csv.Error:
        return Header(",", ())
    delimiter, names = max(splits, key=lambda split: len(split[1]))
    return Header(delimiter, tuple(name.strip() for name in names))


def rows(sink: Sink, text: SourceText, columns: dict[str, str]) -> int:
    """Make table ``csv_row`` (record_no, the wanted columns, line_problem, record_text); reject what cannot be split.

    Args:
        sink: where broken lines are rejected; they are counted as read.
        text: the file.
        columns: wanted name -> header name as written; what the header lacks is null.

    Returns:
        Rows that could be split.

    Raises:
        BadFile: the header is not readable.
    """
    with text.path.open(encoding="utf-8", errors="replace") as stream:
        header = header_of(stream.readline(1 << 20).rstrip("\r\n"))
    if len(set(header.names)) != len(header.names) or "" in header.names:
        raise BadFile("bad_header", "column names are missing or repeated in the first line")
    wanted = ", ".join(
        f"{_cell(header.names.index(name)) if name in header.names else 'null::varchar'} as {column}"
        for column, name in columns.items()
    )
    # a quote that never closes swallows the rest of the file: then quotes are read as plain characters
    broken = [(0, "UNQUOTED VALUE", "")] if text.counts[QUOTE] % 2 else _split(sink, text, header, wanted, '"')
    if any(kind == "UNQUOTED VALUE" for _, kind, _ in broken):
        broken = _split(sink, text, header, wanted, "")
    for line, kind, content in broken:
        reason = "invalid_utf8" if kind == "INVALID ENCODING" else "malformed_line"
        detail = f"{kind.lower()}: expected {len(header.names)} columns as in the header"
        sink.reject(f"line {line}", reason, detail, record_no=line - 1, text=content)
    # record numbers are those of the file: broken lines keep theirs
    sink.connection.execute(f"""
        create or replace temp table csv_row as
        with number as (
            select range + 1 as record_no
            from range((select count(*) from split_row) + {len(broken)})
            where range + 2 not in (select line from csv_broken)
        ),
        ordered as (select record_no, row_number() over (order by record_no) as ordinal from number)
        select ordered.record_no, split_row.* exclude (ordinal)
        from split_row inner join ordered using (ordinal)
    """)
    sink.count(len(broken), 0)
    found = int(sink.connection.execute("select count(*) from csv_row").fetchall()[0][0])
    if text.counts[QUOTE] == 0 and found + len(broken) != _lines(sink, text) - 1:
        raise BadFile("unsplittable", "not every line became a record; check the delimiter and the line ends")
    return found


def _lines(sink: Sink, text: SourceText) -> int:
    """Lines that are not blank, counted without splitting them."""
    path = literal(text.path)
    return int(
        sink.connection.execute(
            f"select count(*) from read_csv({path}, columns = {{'line': 'VARCHAR'}}, header = false,"
            " auto_detect = false, delim = '\x01', quote = '', escape = '', strict_mode = false) where trim(line) <> ''"
        ).fetchall()[0][0]
    )


def _cell(number: int) -> str:
    """A cell without surrounding blanks, nor quotes where quotes had to be read as plain characters."""
    return f"nullif(trim(trim(c{number}), '\"'), '')"


def _split(sink: Sink, text: SourceText, header: Header, wanted: str, quote: str) -> list[tuple[int, str, str]]:
    """Make table ``split_row``; returns the lines that could not be split: (line, kind, content)."""
    connection = sink.connection
    cells = [f"c{number}" for number in range(len(header.names))]
    declared = ", ".join(f"'{cell}': 'VARCHAR'" for cell in cells)
    row_text = f"concat_ws('{header.delimiter}', {', '.join(cells)})"
    odd_quotes = "false" if quote else f"(length({row_text}) - length(replace({row_text}, '\"', ''))) % 2 = 1"
    damaged = f"contains({row_text}, '{REPLACEMENT}')" if text.is_damaged else "false"
    path = literal(text.path)
    connection.execute("drop table if exists csv_broken; drop table if exists csv_scan")
    connection.execute(f"""
        create or replace temp table split_row as
        select
            row_number() over () as ordinal,
            {wanted},
            case when {damaged} then 'invalid_utf8' when {odd_quotes} then 'malformed_line' end as line_problem,
            {row_text} as record_text
        from read_csv(
            {path}, columns = {{{declared}}}, header = true, auto_detect = false, delim = '{header.delimiter}',
            quote = '{quote}', escape = '{quote}', nullstr = '', strict_mode = true, parallel = false,
            max_line_size = 1048576, store_rejects = true, rejects_limit = 0, rejects_scan = 'csv_scan',
            rejects_table = 'csv_broken'
        )
    """)
    return connection.execute(
        "select line, min(error_type::varchar), min(csv_line) from csv_broken group by line order by line"
    ).fetchall()

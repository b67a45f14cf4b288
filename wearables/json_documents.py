"""JSON in its three wrappings: one document, an array of documents, one document a line."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import orjson
import pyarrow as pa

from lake.quarantine import BadFile
from lake.sink import Sink
from lake.sql import literal
from lake.together import RECORDS_PER_FILE
from wearables.source_text import SourceText


def documents(sink: Sink, texts: Sequence[SourceText]) -> str:
    """Make table ``document`` (record_no, json, record_text) of JSON texts; json is null where a line is no object.

    Several texts are all lines, or all documents (``wrapping``); records have global numbers (``lake.together``).

    Returns:
        ``line`` when records are lines, else ``document``.

    Raises:
        BadFile: not JSON at all, or undecodable bytes in a text that is one document.
    """
    sink.connection.register(
        "input_file", pa.table({"filename": [str(one.path) for one in texts], "file_no": range(len(texts))})
    )
    own = "n" if len(texts) == 1 else "row_number() over (partition by filename order by n)"
    if wrapping(texts[0]) == "line":
        sink.connection.execute(f"""
            create or replace temp table document as
            with line as (
                select filename, {own} as own_no, line
                from (
                    select filename, line, row_number() over () as n
                    from read_csv(
                        {_listed(texts)}, columns = {{'line': 'VARCHAR'}}, header = false, auto_detect = false,
                        delim = '\x01', quote = '', escape = '', max_line_size = 67108864, strict_mode = false,
                        filename = true
                    )
                )
            )
            select
                file_no * {RECORDS_PER_FILE} + own_no as record_no,
                case when json_valid(line) and json_type(try_cast(line as json)) = 'OBJECT' then line::json end as json,
                line as record_text
            from line inner join input_file using (filename)
            where trim(line) <> ''
        """)
        return "line"
    for text in texts:
        text.must_be_whole()
    size = max(16 << 20, *(text.path.stat().st_size + 1 for text in texts))
    array = wrapping(texts[0]) == "array"
    try:
        sink.connection.execute(f"""
            create or replace temp table document as
            select
                file_no * {RECORDS_PER_FILE} + {own} as record_no,
                json,
                json::varchar as record_text
            from (
                select filename, json, row_number() over () as n
                from read_json_objects(
                    {_listed(texts)}, format = '{"array" if array else "unstructured"}',
                    maximum_object_size = {size}, filename = true
                )
            ) inner join input_file using (filename)
        """)
    except (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException):
        raise BadFile("invalid_json", "the document cannot be parsed as JSON; it may be cut off") from None
    return "document"


def wrapping(text: SourceText) -> str:
    """``line`` (one document a line), ``array`` or ``document``."""
    if _is_lines(text):
        return "line"
    return "array" if _first_byte(text) == b"[" else "document"


def _is_lines(text: SourceText) -> bool:
    """One document a line: told by the first two lines that are not blank."""
    with text.path.open("rb") as stream:
        lines = [line for line in (stream.readline(64 << 20).strip() for _ in range(50)) if line][:2]
    if len(lines) < 2 or not lines[0].startswith(b"{"):
        return False
    return _is_object(lines[0]) or (lines[1].startswith(b"{") and _is_object(lines[1]) and lines[0] != b"{")


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _first_byte(text: SourceText) -> bytes:
    with text.path.open("rb") as stream:
        return stream.read(4096).lstrip()[:1]


def _listed(texts: Sequence[SourceText]) -> str:
    return "[" + ", ".join(literal(one.path) for one in texts) + "]"

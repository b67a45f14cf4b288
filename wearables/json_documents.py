"""JSON in its three wrappings: one document, an array of documents, one document a line."""

from __future__ import annotations

import duckdb
import orjson

from lake.quarantine import BadFile
from lake.sink import Sink
from wearables.source_text import SourceText


def documents(sink: Sink, text: SourceText) -> str:
    """Make view ``document`` (record_no, json) of a JSON text; json is null where a line is not a JSON object.

    Returns:
        ``line`` when records are lines, else ``document``.

    Raises:
        BadFile: not JSON at all, or undecodable bytes in a text that is one document.
    """
    if _is_lines(text):
        sink.connection.execute(f"""
            create or replace temp table document as
            with line as (
                select row_number() over () as record_no, line
                from read_csv(
                    '{_quoted(text)}', columns = {{'line': 'VARCHAR'}}, header = false, auto_detect = false,
                    delim = '\x01', quote = '', escape = '', max_line_size = 67108864, strict_mode = false
                )
            )
            select
                record_no,
                case when json_valid(line) and json_type(try_cast(line as json)) = 'OBJECT' then line::json end as json,
                line as record_text
            from line
            where trim(line) <> ''
        """)
        return "line"
    text.must_be_whole()
    size = max(16 << 20, text.path.stat().st_size + 1)
    array = _first_byte(text) == b"["
    try:
        sink.connection.execute(f"""
            create or replace temp table document as
            select row_number() over () as record_no, json, json::varchar as record_text
            from read_json_objects(
                '{_quoted(text)}', format = '{"array" if array else "unstructured"}', maximum_object_size = {size}
            )
        """)
    except (duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException):
        raise BadFile("invalid_json", "the document cannot be parsed as JSON; it may be cut off") from None
    return "document"


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


def _quoted(text: SourceText) -> str:
    return str(text.path).replace("'", "''")

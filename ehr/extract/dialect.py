"""What a delimited file looks like: encoding, delimiter, header. Decided from its first bytes and the mapping."""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass

from ehr.extract.mapping import Column, Mapping
from lake.quarantine import BadFile

DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_WIDE_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Dialect:
    """How to read one file.

    Attributes:
        delimiter: the character between columns.
        header: the header's cells as written, blanks around them removed.
        skip_bytes: length of the byte-order mark, leading blank lines and the header record.
        skip_lines: how many lines those are.
    """

    delimiter: str
    header: tuple[str, ...]
    skip_bytes: int
    skip_lines: int


def require_text(head: bytes) -> None:
    """Refuse what is not single-byte or UTF-8 text.

    Raises:
        BadFile: nothing there, UTF-16 or UTF-32 (with or without mark), or binary.
    """
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise BadFile("empty_file", "no header and no rows; deliver the extract again")
    if head.startswith(_WIDE_MARKS) or head[:4096].count(0) * 4 > len(head[:4096]):
        raise BadFile("unsupported_encoding", "UTF-16 or UTF-32 text; save the extract as UTF-8")
    if head[:4096].count(0):
        raise BadFile("not_text", "the file has NUL bytes, so it is no delimited text")


def header_cells(head: bytes, delimiter: str, encoding: str = "utf-8") -> tuple[tuple[str, ...], int, int]:
    """Return the header's cells, its end in bytes and in lines (mark and leading blank lines included)."""
    mark = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    value = rb'(?:"[^"]*+"|[^"\r\n])*+'
    match = re.compile(rb"((?:[ \t]*(?:\r\n|\n|\r))*+)(" + value + rb")(\r\n|\n|\r|\Z)").match(head, mark)
    if match is None:
        raise BadFile("bad_header", "line 1: the header's quotes do not match")
    text = match.group(2).decode(encoding, "replace")
    cells = tuple(cell.strip() for cell in next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), []))
    return cells, match.end(), len(re.findall(rb"\r\n|\n|\r", head[: match.end()]))


def column_for(column: Column, header: tuple[str, ...]) -> Column:
    """The column as declared, or what it is ``otherwise`` where the header lacks it."""
    if column.otherwise is None or found_column(column.model_copy(update={"otherwise": None}), header):
        return column
    return column_for(column.otherwise, header)


def found_column(column: Column, header: tuple[str, ...]) -> list[int]:
    """Indexes of the header cells that feed a column; empty if the file does not have it."""
    if column.otherwise is not None:
        chosen = column_for(column, header)
        return found_column(chosen.model_copy(update={"otherwise": None}), header)
    lowered = [cell.casefold() for cell in header]
    if column.coalesce:
        return [
            lowered.index(name.strip().casefold()) for name in column.coalesce if name.strip().casefold() in lowered
        ]
    if column.concat:
        wanted = [name.strip().casefold() for name in column.concat]
        return [lowered.index(name) for name in wanted if name in lowered] if wanted[0] in lowered else []
    for name in column.names:
        if name.strip().casefold() in lowered:
            return [lowered.index(name.strip().casefold())]
    return []


def missing_columns(mapping: Mapping, header: tuple[str, ...]) -> list[str]:
    """Names that the header should have and lacks, synonyms joined by `or`."""
    missing: list[str] = []
    for column in mapping.columns:
        chosen = column_for(column, header)
        if chosen.constant is None and not chosen.optional and not found_column(chosen, header):
            spelled = " or ".join(column.names or column.coalesce or column.concat[:1])
            if spelled not in missing:
                missing.append(spelled)
    return missing


def has_signature(mapping: Mapping, header: tuple[str, ...]) -> bool:
    """Whether the header has all the columns by which the mapping knows an extract under any name."""
    lowered = {cell.casefold() for cell in header}
    return bool(mapping.header) and all(name.casefold() in lowered for name in mapping.header)


def known_columns(mapping: Mapping, header: tuple[str, ...]) -> int:
    """How many of the mapping's columns the header has."""
    return sum(bool(found_column(column, header)) for column in mapping.columns if column.constant is None)


def choose(mapping: Mapping, head: bytes) -> Dialect:
    """Find the delimiter and the header; the auto delimiter is the one that makes most of the mapping's columns appear.

    Raises:
        BadFile: not text, no header, a required column is missing or twice, the delimiter is not the declared one.
    """
    require_text(head)
    tried = {}
    for delimiter in DELIMITERS:
        cells, skip_bytes, skip_lines = header_cells(head, delimiter, mapping.encoding)
        tried[delimiter] = Dialect(delimiter, cells, skip_bytes, skip_lines)
    likely = max(tried.values(), key=lambda one: (known_columns(mapping, one.header), len(one.header)))
    dialect = likely if mapping.delimiter == "auto" else tried[mapping.delimiter]
    missing = missing_columns(mapping, dialect.header)
    if (
        missing
        and likely is not dialect
        and known_columns(mapping, likely.header) > known_columns(mapping, dialect.header)
    ):
        raise BadFile(
            "wrong_delimiter",
            f"mapping {mapping.name} expects columns separated by {_NAMES[dialect.delimiter]},"
            f" the header has {_NAMES[likely.delimiter]}; deliver it so, or set `delimiter` in the mapping",
        )
    if missing:
        raise BadFile("missing_column", _missing_detail(mapping, dialect, missing))
    _refuse_duplicates(mapping, dialect.header)
    return dialect


def _missing_detail(mapping: Mapping, dialect: Dialect, missing: list[str]) -> str:
    count = len(dialect.header)
    if count == 1:
        found = f"one column only; the delimiter must be one of {', '.join(_NAMES.values())}"
    elif known_columns(mapping, dialect.header):
        shown = ", ".join(cell[:40] for cell in dialect.header[:60])
        found = f"{count} columns separated by {_NAMES[dialect.delimiter]}: {shown}"
    else:
        # Without a header the first line has values of people, which no message may hold.
        found = (
            f"{count} columns separated by {_NAMES[dialect.delimiter]} and none of these names; is the header missing?"
        )
    return (
        f"line {dialect.skip_lines}: mapping {mapping.name} expects a header with {', '.join(missing)}; found {found}"
    )


def _refuse_duplicates(mapping: Mapping, header: tuple[str, ...]) -> None:
    lowered = [cell.casefold() for cell in header]
    for column in mapping.columns:
        for index in found_column(column, header):
            if lowered.count(lowered[index]) > 1:
                raise BadFile(
                    "duplicate_column",
                    f"the header has {header[index]!r} {lowered.count(lowered[index])} times, so it is unclear"
                    f" which one feeds {column.to}; rename or drop the others",
                )

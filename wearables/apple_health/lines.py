"""Apple ``export.xml`` → one element per row, by splitting lines; by expat where elements span lines.

The line path never sees an XML parser: the file is read as a one-column CSV and each line of interest is split at its
double quotes. A self-check decides whether that was right: every ``<Record`` in the file must have become exactly one
row with type, start and end. If not, expat rewrites the elements to one a line, with the DTD cut away before it (Apple
ships malformed ones, and a DTD is where entity attacks live), and the same query runs again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

import pyarrow as pa

from lake.quarantine import BadFile
from lake.sink import Sink
from lake.sql import literal
from lake.together import RECORDS_PER_FILE

_BLOCK = 1 << 20
_DTD_LIMIT = 4 << 20

KEPT = {
    "Record": "R",
    "Workout": "W",
    "WorkoutStatistics": "S",
    "WorkoutRoute": "P",
    "WorkoutEvent": "V",
    "WorkoutActivity": "V",
    "Correlation": "C",
    "MetadataEntry": "M",
    "Me": "U",
    "ActivitySummary": "A",
    "ClinicalRecord": "A",
    "Audiogram": "A",
    "VisionPrescription": "A",
}
"""Elements that become rows, by mark: records, workouts and their parts, correlations, metadata, Me, ignored ones."""

METADATA = ("HKTimeZone", "HKWasUserEntered")

_ATTRIBUTES = {
    "type": "type",
    "source_name": "sourceName",
    "device": "device",
    "unit": "unit",
    "created": "creationDate",
    "started": "startDate",
    "ended": "endDate",
    "value": "value",
}

_REQUIRED = ("type", "started", "ended")


def elements(sink: Sink, texts: Sequence[Path]) -> None:
    """Make table ``element`` (a Parquet view) of the elements found on the lines of the texts.

    A text may also be Parquet of (line_no, line): lines that were chosen and numbered before.

    Columns: line_no (a global record number, ``lake.together``), mark, tag,
    one column per record attribute (still escaped), ``parts`` for other elements,
    ``line`` for anything that is not a clean record.
    """
    target = literal(sink.work / "element.parquet")
    places = ", ".join(f"list_position(parts, ' {attribute}=') as at_{name}" for name, attribute in _ATTRIBUTES.items())
    # an attribute that is not there has no place: null % 2 is null, and the value is null
    columns = ", ".join(f"case when mark = 'R' then parts[at_{name} + 1] end as {name}" for name in _ATTRIBUTES)
    # a value may itself read ` type=`; names stand at odd positions, so an even hit is not trusted
    sure = " and ".join(f"at_{name} % 2 = 1" for name in _REQUIRED)
    safe = " and ".join(f"coalesce(at_{name} % 2 = 1, true)" for name in _ATTRIBUTES if name not in _REQUIRED)
    marks = " ".join(f"when '{tag}' then '{mark}'" for tag, mark in KEPT.items() if tag != "Record")
    wanted = " or ".join(f"contains(line, '\"{key}\"')" for key in METADATA)
    options = (
        "columns = {'line': 'VARCHAR'}, header = false, auto_detect = false, delim = '\x01', quote = '', escape = '',"
        " max_line_size = 16777216, strict_mode = false"
    )
    lines = f"select row_number() over () as line_no, line from read_csv({literal(texts[0])}, {options})"
    if texts[0].suffix == ".parquet":
        lines = f"select line_no, line from read_parquet({literal(texts[0])})"
    elif len(texts) > 1:
        sink.connection.register(
            "input_file", pa.table({"filename": [str(one) for one in texts], "file_no": range(len(texts))})
        )
        listed = ", ".join(map(literal, texts))
        lines = f"""
            select file_no * {RECORDS_PER_FILE} + row_number() over (partition by file_no order by n) as line_no, line
            from (
                select filename, line, row_number() over () as n
                from read_csv([{listed}], {options}, filename = true)
            ) inner join input_file using (filename)
        """
    sink.connection.execute(f"""
        copy (
            with line as (select line_no, ltrim(line, ' \t') as line from ({lines})),
            tagged as (
                select
                    line_no,
                    line,
                    case
                        when starts_with(line, '<Record ') then 'R'
                        when starts_with(line, '</Correlation>') then 'c'
                        when starts_with(line, '<MetadataEntry') and not ({wanted}) then null
                        when starts_with(line, '<') and not starts_with(line, '</') and not starts_with(line, '<!')
                            then case regexp_extract(line, '^<([A-Za-z]+)', 1) {marks} end
                    end as mark
                from line
            ),
            split as (
                select
                    line_no,
                    mark,
                    line,
                    string_split(substr(line, instr(line, ' ')), '"') as parts
                from tagged
                where mark is not null
            ),
            placed as (select *, {places} from split),
            checked as (
                select *, mark = 'R' and coalesce({sure} and {safe}, false) as is_clean from placed
            )
            select
                line_no,
                mark,
                is_clean,
                {columns},
                case when mark <> 'R' then parts end as parts,
                case when mark = 'A' then regexp_extract(line, '^<([A-Za-z]+)', 1) end as tag,
                case when mark = 'R' and not is_clean then line end as line
            from checked
        ) to {target} (format parquet, compression lz4)
    """)
    sink.connection.execute(f"create or replace temp view element as select * from {target}")


def counted(sink: Sink) -> dict[str, int]:
    """Return the elements by mark; ``clean`` and ``timed`` are the records and workouts that could be read."""
    rows = sink.connection.execute(
        "select mark, count(*), count(*) filter (is_clean),"
        " count(*) filter (list_contains(parts, ' startDate=') and list_contains(parts, ' endDate='))"
        " from element group by mark"
    ).fetchall()
    marks = {mark: number for mark, number, _, _ in rows}
    clean = {mark: number for mark, _, number, _ in rows}
    timed = {mark: number for mark, _, _, number in rows}
    return marks | {"clean": clean.get("R", 0), "timed": timed.get("W", 0)}


def rewritten(source: Path, target: Path) -> bool:
    """Rewrite the elements we keep to one a line with expat; False when the file is not well-formed XML.

    Lines keep the element's own line number where the elements do not share lines.
    """
    with source.open("rb") as stream, target.open("w", encoding="utf-8") as out:
        written = 1
        parser = expat.ParserCreate("utf-8")

        def advance(line: int) -> None:
            nonlocal written
            if line > written:
                out.write("\n" * (line - written))
                written = line

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal written
            if tag not in KEPT:
                return
            if tag == "MetadataEntry" and attributes.get("key") not in METADATA:
                return
            advance(parser.CurrentLineNumber)
            pairs = " ".join(f"{name}={_attribute(value)}" for name, value in attributes.items())
            out.write(f"<{tag} {pairs}/>\n")
            written += 1

        def end(tag: str) -> None:
            nonlocal written
            if tag == "Correlation":
                out.write("</Correlation>\n")
                written += 1

        def refuse(*_: object) -> None:
            raise BadFile("dtd_refused", "a document type or entity is declared inside the document; remove it")

        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.StartDoctypeDeclHandler = refuse
        parser.EntityDeclHandler = refuse
        try:
            for block in _without_dtd(stream.read(_DTD_LIMIT), stream):
                parser.Parse(block, False)
            parser.Parse(b"", True)
        except expat.ExpatError:
            return False
    return True


def _without_dtd(head: bytes, stream: object):  # type: ignore[no-untyped-def]
    """Yield the document without its DTD, its line breaks kept so that line numbers stay true."""
    opening = re.search(rb"<!DOCTYPE\b[^\[>]*(\[)?", head)
    first = head.find(b"<HealthData")
    if opening and (first < 0 or opening.start() < first):
        closing = re.compile(rb"\]\s*>" if opening.group(1) else rb">").search(head, opening.end() - 1)
        # a malformed DTD may lack its end; the root element ends it in any case
        end = min(position for position in (closing.end() if closing else len(head), first) if position >= 0)
        head = head[: opening.start()] + b"\n" * head.count(b"\n", opening.start(), end) + head[end:]
    yield head
    while block := stream.read(_BLOCK):  # type: ignore[attr-defined]
        yield block


def _attribute(value: str) -> str:
    """Quote an attribute value with double quotes and without line breaks or `=`, as the line path expects it."""
    quoted = quoteattr(value, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;", '"': "&quot;", "=": "&#61;"})
    return quoted if quoted.startswith('"') else f'"{quoted[1:-1]}"'

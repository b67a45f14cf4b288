"""Excel workbooks (.xlsx) as CSV text: the first sheet, so that a table reads the same however it was saved.

Office Open XML is ECMA-376: cells are in ``xl/worksheets/sheet1.xml``, their texts in ``xl/sharedStrings.xml``, and
a number
is a date where its style says so (days since 1899-12-30). A document type is refused, and so is what unpacks too large.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from xml.parsers import expat

from lake.files import Bounded, open_member, zip_members
from lake.quarantine import BadFile
from lake.reader import Landed

_BLOCK = 1 << 16
_HEAD_ROWS, _HEAD_BYTES = 10, 64 << 20
_SHEET = re.compile(r"xl/worksheets/sheet1?\.xml", re.IGNORECASE)
_DATE_FORMATS = {*range(14, 23), *range(45, 48)}
"""Built-in number formats that show a date or a time (ECMA-376, 18.8.30)."""
_EPOCH = datetime(1899, 12, 30)
_CELL = re.compile(r"([A-Z]{1,3})[0-9]+")
_MOST_COLUMNS = 16_384


def is_workbook(landed: Landed) -> bool:
    """True for a zip with a sheet of a workbook in it; never raises."""
    return any(_SHEET.fullmatch(name) for name in landed.members)


def head(landed: Landed) -> str:
    """The first lines as CSV text, of a workbook or of a text file; empty where a workbook cannot be read."""
    if not is_workbook(landed):
        return landed.text_head
    found: list[str] = []
    try:
        # only as much is unpacked as the first rows and the texts need
        for row in _rows(landed.path, Bounded(_HEAD_BYTES, _HEAD_BYTES, 1), 1 << 40, 1 << 20, _HEAD_ROWS):
            found.append(_line(row))
    except BadFile:
        pass  # what could be read says what it is; its reader says what is wrong
    return "\n".join(found)


def as_csv(path: Path, target: Path, max_bytes: int, max_ratio: int) -> Path:
    """Write the first sheet as CSV.

    Raises:
        BadFile: not a readable workbook, or it grows past the limits.
    """
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        width = 0
        bounded = Bounded(path.stat().st_size, max_bytes, max_ratio)
        for row in _rows(path, bounded, max_bytes, max_ratio):
            # rows above a table's header are narrower; a line is as wide as the widest so far
            width = max(width, len(row))
            writer.writerow(row + [""] * (width - len(row)))
    return target


def _line(row: list[str]) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' if re.search(r'[",\n]', cell) else cell for cell in row)


def _rows(path: Path, bounded: Bounded, max_bytes: int, max_ratio: int, most: int | None = None) -> Iterator[list[str]]:
    members = {member.filename: member for member in zip_members(path, max_bytes, max_ratio)}
    texts: list[str] = []
    dates: list[bool] = []
    if "xl/sharedStrings.xml" in members:
        texts = _shared(path, members["xl/sharedStrings.xml"], bounded)
    if "xl/styles.xml" in members:
        dates = _date_styles(path, members["xl/styles.xml"], bounded)
    sheet = next((name for name in members if _SHEET.fullmatch(name)), None)
    if sheet is None:
        raise BadFile("wrong_shape", "the workbook has no first sheet")
    waiting: list[list[str]] = []
    given = 0
    reading = _Sheet(texts, dates, waiting.append)
    with open_member(path, members[sheet]) as stream:
        for _ in _parsed(stream, bounded, reading.start, reading.end, reading.text):
            for row in waiting:
                yield row
                given += 1
                if most is not None and given >= most:
                    return
            waiting.clear()


class _Sheet:
    """Rows of a sheet, in the order of the file."""

    def __init__(self, texts: list[str], dates: list[bool], give: Callable[[list[str]], None]) -> None:
        self._texts, self._dates, self._give = texts, dates, give
        self._row: list[str] = []
        self._kind, self._style, self._column = "n", 0, 0
        self._parts: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            self._row = []
        elif name == "c":
            place = _CELL.fullmatch(attributes.get("r", ""))
            self._column = _number(place.group(1)) if place else len(self._row)
            self._kind, self._style = attributes.get("t", "n"), int(attributes.get("s", "0") or 0)
        elif name in ("v", "t"):
            self._parts = []

    def text(self, data: str) -> None:
        if self._parts is not None:
            self._parts.append(data)

    def end(self, name: str) -> None:
        if name in ("v", "t") and self._parts is not None:
            if self._column < _MOST_COLUMNS:
                self._row += [""] * (self._column + 1 - len(self._row))
                self._row[self._column] += self._value("".join(self._parts))
            self._parts = None
        elif name == "row":
            self._give(self._row)

    def _value(self, text: str) -> str:
        if self._kind == "s":
            return self._texts[int(text)] if text.isdigit() and int(text) < len(self._texts) else ""
        if self._kind == "n" and self._style < len(self._dates) and self._dates[self._style]:
            try:
                moment = _EPOCH + timedelta(seconds=round(float(text) * 86400))
            except (ValueError, OverflowError):
                return text
            return moment.isoformat(sep=" ")
        return text


def _number(letters: str) -> int:
    found = 0
    for letter in letters:
        found = found * 26 + ord(letter) - 64
    return found - 1


def _shared(path: Path, member: zipfile.ZipInfo, bounded: Bounded) -> list[str]:
    found: list[str] = []
    parts: list[str] = []
    is_open = False

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal is_open
        is_open = name == "t"

    def end(name: str) -> None:
        nonlocal is_open
        is_open = False
        if name == "si":
            found.append("".join(parts))
            parts.clear()

    def text(data: str) -> None:
        if is_open:
            parts.append(data)

    with open_member(path, member) as stream:
        for _ in _parsed(stream, bounded, start, end, text):
            pass
    return found


def _date_styles(path: Path, member: zipfile.ZipInfo, bounded: Bounded) -> list[bool]:
    """For every cell style, whether its number is a date."""
    own: dict[int, bool] = {}
    styles: list[int] = []
    inside = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        if name == "numFmt":
            code = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", attributes.get("formatCode", "")).lower()
            own[int(attributes.get("numFmtId", "0"))] = bool(re.search(r"[ydh]|mm|ss", code))
        elif name == "cellXfs":
            inside = True
        elif name == "xf" and inside:
            styles.append(int(attributes.get("numFmtId", "0")))

    def end(name: str) -> None:
        nonlocal inside
        inside = inside and name != "cellXfs"

    with open_member(path, member) as stream:
        for _ in _parsed(stream, bounded, start, end, lambda _: None):
            pass
    return [own.get(style, style in _DATE_FORMATS) for style in styles]


def _parsed(
    stream: IO[bytes],
    bounded: Bounded,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> Iterator[None]:
    """Feed a member to expat block by block."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, attributes: start(name.rpartition(" ")[2], attributes)
    parser.EndElementHandler = lambda name: end(name.rpartition(" ")[2])
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        while block := stream.read(_BLOCK):
            bounded.add(len(block))
            parser.Parse(block, False)
            yield
        parser.Parse(b"", True)
        yield
    except (expat.ExpatError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise BadFile("malformed_xml", f"the workbook cannot be read: {type(error).__name__}; save it again") from None


def _refuse(*_: object) -> None:
    raise BadFile("malformed_xml", "a workbook declares no document type; this one does")

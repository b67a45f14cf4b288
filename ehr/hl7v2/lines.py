"""Bytes → numbered lines in a Parquet file. A line is what stands between CR, LF or CRLF; it should be one segment.

Works block by block in bounded memory. What cannot become text is reported with its line number; blank lines are
skipped, all others keep theirs. MLLP frame characters stay in the lines: they say whether a message is complete.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lake.quarantine import BadFile

MAX_LINE_BYTES = 64 << 20
"""Longest segment that is read: scanned documents come as base64 in one OBX."""
_BLOCK = 4 << 20
SCHEMA = pa.schema({"record_no": pa.int64(), "line": pa.string(), "problem": pa.string()})

START_BLOCK, END_BLOCK = "\x0b", "\x1c"
"""The frame of the minimal lower layer protocol (HL7 v2 implementation guide, appendix C)."""

CHARACTER_SETS = {
    "": "utf-8",
    "ASCII": "utf-8",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    **{f"8859/{n}": f"iso8859-{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "CNS 11643-1992": "big5",
    "BIG-5": "big5",
}
"""HL7 table 0211 → Python codec. ASCII is read as UTF-8, which holds it."""


def codec_of(head: bytes) -> str:
    """The codec of a file: its byte-order mark, else what the first MSH-18 says, else UTF-8.

    Returns:
        A Python codec name; ``""`` if MSH-18 names a character set that is not known here.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    found = re.search(rb"(?:^|[\r\n\x0b])MSH([^\w\s])([^\r\n]*)", head.removeprefix(codecs.BOM_UTF8))
    if found is None:
        return "utf-8"
    fields = found.group(2).split(found.group(1))
    named = fields[16] if len(fields) > 16 else b""
    first = re.split(rb"[~^]", named)[0].decode("ascii", "replace").strip().upper()
    return CHARACTER_SETS.get(first, "")


def write(path: Path, target: Path, codec: str, before: int = 0) -> None:
    """Write the lines of ``path`` to ``target`` (columns of ``SCHEMA``; ``problem`` says why a line is no text).

    The first line gets the number ``before + 1``.

    Raises:
        BadFile: a line is longer than ``MAX_LINE_BYTES``.
    """
    number = before + 1
    with path.open("rb") as file, pq.ParquetWriter(target, SCHEMA, compression="lz4") as writer:
        for lines in _lines(_utf8(file, codec)):
            numbers = pa.array(range(number, number + len(lines)), pa.int64())
            number += len(lines)
            raw = pa.array(lines, pa.binary())
            try:
                text, problems = raw.cast(pa.string()), pa.nulls(len(lines), pa.string())
            except pa.ArrowInvalid:
                text, problems = _salvaged(lines)
            rows = pa.table({"record_no": numbers, "line": text, "problem": problems}, schema=SCHEMA)
            writer.write_table(rows.filter(pc.not_equal(pc.utf8_trim(rows["line"], characters=" \t"), "")))


def _utf8(file: BinaryIO, codec: str) -> Iterator[bytes]:
    """The file's bytes in blocks, in UTF-8 and without a byte-order mark; malformed text is left for later."""
    if codec == "utf-8":
        if file.read(3) != codecs.BOM_UTF8:
            file.seek(0)
        while block := file.read(_BLOCK):
            yield block
        return
    decoder = codecs.getincrementaldecoder(codec)(errors="replace" if codec == "utf-16" else "surrogateescape")
    while block := file.read(_BLOCK):
        yield decoder.decode(block).encode("utf-8", "surrogateescape")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogateescape")


def _lines(blocks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Whole lines, whatever ends them; CRLF never counts twice, also not where two blocks meet."""
    carry = b""
    for block in blocks:
        text = carry + block
        held = text.endswith(b"\r")  # its LF may come with the next block
        text = text[:-1] if held else text
        *lines, rest = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise BadFile(
                "line_too_long", f"a segment of more than {MAX_LINE_BYTES:,} bytes; segments end with a carriage return"
            )
        if lines:
            yield lines
        carry = rest + b"\r" if held else rest
    if carry:
        yield [carry.removesuffix(b"\r")]


def _salvaged(lines: list[bytes]) -> tuple[pa.Array, pa.Array]:
    """Lines one by one; what is not text keeps its place, so that no segment slides into another message."""
    text: list[str] = []
    problems: list[str | None] = []
    for line in lines:
        try:
            text.append(line.decode("utf-8"))
            problems.append(None)
        except UnicodeDecodeError as error:
            text.append(line.decode("utf-8", "replace"))
            problems.append(f"not text in the declared character set at byte {error.start + 1}")
    return pa.array(text, pa.string()), pa.array(problems, pa.string())

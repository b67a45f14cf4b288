"""Bytes → numbered lines in a Parquet file, whatever is wrong with them: the careful way to read NDJSON.

Works block by block in bounded memory. Lines that are not UTF-8 or too long are reported, blank ones are skipped, all
others keep their line number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ehr.fhir import modifiers
from ehr.fhir.source import MAX_LINE_BYTES

SCHEMA = pa.schema({"record_no": pa.int64(), "position": pa.string(), "line": pa.string()})
PARQUET = {"compression": "lz4", "use_dictionary": False, "write_statistics": False}
"""Lines are long and differ: dictionaries and statistics would cost more than all the rest."""
_BLOCK = 8 << 20
_KEPT_BYTES = 2_000
_SAMPLE_BYTES, _SAMPLE_BLOCK = 1 << 20, 1 << 16
_NAME = re.compile(rb'"([A-Za-z0-9_]+)"\s*:')
_MARK_BYTES = max(map(len, modifiers.MARKS))
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class BadLine:
    """A line that cannot become text."""

    number: int
    reason: str
    detail: str
    text: str


@dataclass(frozen=True)
class Look:
    """What one glance over a file tells: its ``lines``, as an editor counts them, and whether it ``is_marked``."""

    lines: int
    is_marked: bool


def look(path: Path) -> Look:
    """Count lines (a last one without an end counts) and look for what may change the meaning of a resource."""
    lines, is_marked, last, before = 0, False, b"\n", b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            lines += block.count(b"\n")
            last = block[-1:]
            # a mark may stand across two blocks
            is_marked = is_marked or modifiers.is_marked(block) or modifiers.is_marked(before + block[:_MARK_BYTES])
            before = block[-_MARK_BYTES:]
    return Look(lines + (last != b"\n"), is_marked)


def names(path: Path) -> frozenset[str]:
    """The names of the elements in a sample of the file: blocks of 64 KiB, evenly spread, 1 % of it or more."""
    size = path.stat().st_size
    blocks = max(_SAMPLE_BYTES, size // 100) // _SAMPLE_BLOCK
    step = max(_SAMPLE_BLOCK, size // blocks)
    found: set[bytes] = set()
    with path.open("rb") as file:
        for start in range(0, size, step):
            file.seek(start)
            found.update(_NAME.findall(file.read(_SAMPLE_BLOCK)))
    return frozenset(name.decode() for name in found)


def write(path: Path, target: Path, report: Callable[[BadLine], None]) -> int:
    """Write the usable lines of ``path`` to ``target`` (columns of ``SCHEMA``); returns how many."""
    written = 0
    with path.open("rb") as file, pq.ParquetWriter(target, SCHEMA, **PARQUET) as writer:
        for first, block in _blocks(file, report):
            numbers, lines = _decoded(first, block, report)
            batch = {"record_no": numbers, "position": pa.nulls(len(numbers), pa.string()), "line": lines}
            writer.write_table(pa.table(batch, schema=SCHEMA))
            written += len(numbers)
    return written


def _blocks(file: BinaryIO, report: Callable[[BadLine], None]) -> Iterator[tuple[int, list[bytes]]]:
    """Yield lists of whole lines with the number of the first one."""
    number, carry = 1, b""
    if file.read(len(BOM)) != BOM:
        file.seek(0)
    while block := file.read(_BLOCK):
        *lines, rest = (carry + block).split(b"\n")
        yield number, lines
        number += len(lines)
        carry = rest
        if len(carry) > MAX_LINE_BYTES:
            report(_too_long(number, carry))
            number, carry = number + 1, _skip_line(file)
    if carry:  # more than one line, if the file ends soon after a line that was too long
        yield number, carry.removesuffix(b"\n").split(b"\n")


def _skip_line(file: BinaryIO) -> bytes:
    """Read to the end of the line; returns what was read beyond it."""
    while block := file.read(_BLOCK):
        _, end, rest = block.partition(b"\n")
        if end:
            return rest
    return b""


def _too_long(number: int, line: bytes) -> BadLine:
    detail = f"longer than {MAX_LINE_BYTES:,} bytes; one resource per line is expected"
    return BadLine(number, "line_too_long", detail, line[:_KEPT_BYTES].decode("utf-8", "replace"))


def _decoded(first: int, lines: list[bytes], report: Callable[[BadLine], None]) -> tuple[pa.Array, pa.Array]:
    numbers = pa.array(range(first, first + len(lines)), pa.int64())
    raw = pa.array(lines, pa.binary())
    try:
        return numbers, raw.cast(pa.string())
    except pa.ArrowInvalid:
        kept = [(first + at, text) for at, line in enumerate(lines) if (text := _text(first + at, line, report))]
        return pa.array([at for at, _ in kept], pa.int64()), pa.array([text for _, text in kept], pa.string())


def _text(number: int, line: bytes, report: Callable[[BadLine], None]) -> str | None:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"not UTF-8 at byte {error.start + 1} of the line; convert the file to UTF-8"
        report(BadLine(number, "invalid_utf8", detail, line[:_KEPT_BYTES].decode("utf-8", "replace")))
        return None

"""From landed bytes to clean UTF-8 text in the scratch folder: bounded, decompressed, without a byte-order mark.

The path handed to DuckDB is always one of ours (``input.…``), so that a file name with ``*`` or ``[`` stays a name.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lake.files import decompressed
from lake.quarantine import BadFile
from lake.reader import Landed
from lake.sink import Sink
from lake.together import NotTogether, Together
from wearables import spreadsheet

_BLOCK = 4 << 20
_TAIL = 4096
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
REPLACEMENT = "\ufffd"
"""What undecodable bytes become; a record that contains it is refused when the text is damaged."""


@dataclass(frozen=True)
class SourceText:
    """Clean text of a landed file.

    Attributes:
        path: UTF-8 without a byte-order mark.
        bad_byte: position of the first undecodable byte (it became U+FFFD), None when all was fine.
        counts: occurrences of the byte strings that were asked for, in UTF-8 input.
        tail: the last bytes.
    """

    path: Path
    bad_byte: int | None
    counts: dict[bytes, int]
    tail: bytes

    @property
    def is_damaged(self) -> bool:
        """True when undecodable bytes were replaced."""
        return self.bad_byte is not None

    def must_be_whole(self) -> None:
        """Refuse a damaged text where one bad byte spoils the document.

        Raises:
            BadFile: undecodable bytes.
        """
        if self.bad_byte is not None:
            raise BadFile("invalid_utf8", f"byte {self.bad_byte:,} is not UTF-8; export the file again as UTF-8")


def plain(landed: Landed, sink: Sink, *, counting: tuple[bytes, ...] = ()) -> SourceText:
    """Decompress (bounded) and check a landed text file, or the first sheet of a workbook.

    Raises:
        BadFile: broken or runaway gzip, or no text in it.
    """
    if spreadsheet.is_workbook(landed):
        settings = sink.settings
        raw = spreadsheet.as_csv(landed.path, sink.work / "sheet.csv", settings.max_file_bytes, settings.max_ratio)
        return clean(raw, sink.work, counting=counting)
    raw = decompressed(landed.path, sink.work / "unpacked", sink.settings.max_file_bytes, sink.settings.max_ratio)
    return clean(raw, sink.work, counting=counting)


def together(files: Sequence[Landed], group: Together) -> list[SourceText]:
    """The text of each of several small files.

    Raises:
        NotTogether: one of them cannot be used as it is.
    """
    texts = []
    for number, landed in enumerate(files):
        try:
            text = plain(landed, group.of(number))
        except BadFile:
            raise NotTogether from None
        if text.is_damaged:
            raise NotTogether
        texts.append(text)
    return texts


def clean(raw: Path, work: Path, *, counting: tuple[bytes, ...] = ()) -> SourceText:
    """Check a text file block by block and make a clean copy where one is needed, else a link.

    Raises:
        BadFile: no text in it.
    """
    with raw.open("rb") as stream:
        head = stream.read(4096)
        if head[:2] not in _UTF16 and not head.removeprefix(codecs.BOM_UTF8).strip(b"\x00 \t\r\n"):
            raise BadFile("empty_file", "the file holds no text; deliver it again")
        stream.seek(0)
        encoding = "utf-16" if head[:2] in _UTF16 else "utf-8"
        bad_byte, counts, tail = _scan(stream, encoding, counting)
    target = work / "input.text"
    target.unlink(missing_ok=True)
    if bad_byte is None and encoding == "utf-8" and not head.startswith(codecs.BOM_UTF8):
        target.symlink_to(raw.resolve())
        return SourceText(target, None, counts, tail)
    with (
        raw.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, errors="replace", newline="") as text,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        while block := text.read(_BLOCK):
            out.write(block)
    if encoding == "utf-16":
        with target.open("rb") as stream:
            _, counts, tail = _scan(stream, "utf-8", counting)
    return SourceText(target, bad_byte, counts, tail)


def _scan(stream: IO[bytes], encoding: str, counting: tuple[bytes, ...]) -> tuple[int | None, dict[bytes, int], bytes]:
    """Return (first undecodable byte, counts, tail) in one pass."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    keep = max((len(one) for one in counting), default=1) - 1
    counts = dict.fromkeys(counting, 0)
    bad_byte: int | None = None
    seen, carry, tail = 0, b"", b""
    while block := stream.read(_BLOCK):
        if bad_byte is None:
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                bad_byte = max(0, seen - pending + error.start)
        # the carry is shorter than what is counted, so nothing is counted twice
        for one in counting:
            counts[one] += (carry[len(carry) - len(one) + 1 :] + block).count(one)
        carry = block[-keep:] if keep else b""
        tail = (tail + block[-_TAIL:])[-_TAIL:]
        seen += len(block)
    if bad_byte is None:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            bad_byte = seen
    return bad_byte, counts, tail

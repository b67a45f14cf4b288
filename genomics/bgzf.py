"""Text of a VCF in batches of whole lines, from plain text, gzip or BGZF (blocked gzip, SAM specification 4.1)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lake.files import Bounded
from lake.quarantine import BadFile

BATCH_BYTES = 1 << 22
"""Text per batch; larger and smaller batches were both slower (caches against calls)."""

_READ = 1 << 20
EOF_MARKER = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that must end every BGZF file; without it the file was cut off."""


def text_batches(path: Path, bounded: Bounded, batch_bytes: int = BATCH_BYTES) -> Iterator[bytes]:
    """Yield the text of ``path`` in batches that end with a newline. ``\\r\\n`` becomes ``\\n``.

    Raises:
        BadFile: a truncated or corrupt stream, or one that grows past the limits of ``bounded``; what could be read
            before is yielded first.
    """
    pending: list[bytes] = []
    size = 0
    pieces, broken = _pieces(path), None
    while True:
        try:
            piece = next(pieces, None)
        except BadFile as error:
            piece, broken = None, error
        if piece is None:
            break
        bounded.add(len(piece))
        pending.append(piece)
        size += len(piece)
        if size < batch_bytes:
            continue
        text = b"".join(pending)
        cut = text.rfind(b"\n") + 1
        pending, size = [text[cut:]], 0
        if cut:
            yield _unix_lines(text[:cut])
    text = b"".join(pending)
    if broken is not None:
        text = text[: text.rfind(b"\n") + 1]
    if text:
        yield _unix_lines(text if text.endswith(b"\n") else text + b"\n")
    if broken is not None:
        raise broken


def _unix_lines(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n") if b"\r" in text else text


def is_bgzf(head: bytes) -> bool:
    """Tell whether the first bytes are a BGZF block header."""
    return len(head) >= 18 and head[:4] == b"\x1f\x8b\x08\x04" and head[12:14] == b"BC"


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        head = file.read(18)
        file.seek(0)
        if is_bgzf(head):
            yield from _bgzf(file)
        elif head[:2] == b"\x1f\x8b":
            yield from _gzip(file)
        else:
            while piece := file.read(_READ):
                yield piece


def _bgzf(file: IO[bytes]) -> Iterator[bytes]:
    from isal import isal_zlib

    held, offset, last = b"", 0, b""
    while True:
        fresh = file.read(_READ)
        data = held + fresh
        at = 0
        while len(data) - at >= 18:
            if not is_bgzf(data[at : at + 18]):
                raise BadFile("corrupt_bgzf", f"no BGZF block at byte {offset + at:,}; compress again with bgzip")
            size = int.from_bytes(data[at + 16 : at + 18], "little") + 1
            if at + size > len(data):
                break
            last = data[at : at + size]
            try:
                text = _block(last)
            except (isal_zlib.error, zlib.error) as error:  # type: ignore[misc]
                raise BadFile("corrupt_bgzf", f"BGZF block at byte {offset + at:,} is broken: {error}") from None
            at += size
            if text:
                yield text
        held = data[at:]
        offset += at
        if not fresh:
            break
    if held:
        raise BadFile("truncated_bgzf", f"the last BGZF block, at byte {offset:,}, is cut off; deliver the file again")
    if last != EOF_MARKER:
        raise BadFile("truncated_bgzf", "the BGZF end marker is missing, so blocks may be too; deliver the file again")


def _block(block: bytes) -> bytes:
    """Inflate one block. Its size is known and its checksum is taken apart from it: both are faster so."""
    from isal import isal_zlib

    head = 12 + int.from_bytes(block[10:12], "little")
    size = int.from_bytes(block[-4:], "little")
    text = isal_zlib.decompress(memoryview(block)[head:-8], wbits=-15, bufsize=max(size, 1))
    if len(text) != size or isal_zlib.crc32(text) != int.from_bytes(block[-8:-4], "little"):
        raise zlib.error("its checksum or size is not what it says")
    return text


def _gzip(file: IO[bytes]) -> Iterator[bytes]:
    from isal import isal_zlib

    seen = 0
    stream = isal_zlib.decompressobj(wbits=31)
    data = file.read(_READ)
    while data:
        try:
            text = stream.decompress(data)
        except (isal_zlib.error, zlib.error) as error:  # type: ignore[misc]
            raise BadFile("corrupt_gzip", f"the gzip stream breaks after {seen:,} bytes: {error}") from None
        if text:
            seen += len(text)
            yield text
        data = stream.unused_data if stream.eof else b""
        if stream.eof:
            data = (data or file.read(_READ)).lstrip(b"\0")
            if data:
                stream = isal_zlib.decompressobj(wbits=31)
        else:
            data = file.read(_READ)
    if not stream.eof:
        raise BadFile("corrupt_gzip", f"the gzip stream ends in its middle, after {seen:,} bytes")

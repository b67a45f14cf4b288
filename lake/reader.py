"""What a reader is: it recognises a landed file and turns it into rows of declared raw tables."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lake.files import GZIP, ZIP, ZSTD, zstd_stream
from lake.quarantine import BadFile
from lake.tables import Table

if TYPE_CHECKING:
    from lake.sink import Sink
    from lake.together import Together

HEAD_BYTES = 64 << 10


@dataclass(frozen=True)
class Landed:
    """A file in landing, as a reader sees it before it decides whether the file is one of its own.

    ``source`` and ``account`` come from the folder: ``landing/<source>/[account=<id>/]…/<name>``.
    """

    path: Path
    source: str
    account: str | None = None
    begins_with: bytes | None = field(default=None, repr=False, compare=False)
    """The first bytes, where they are known without opening the path: of a member of a zip, say."""

    @property
    def name(self) -> str:
        """File name in lower case, without ``.gz`` or ``.zst``: what readers match on."""
        return self.path.name.lower().removesuffix(".gz").removesuffix(".zst")

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB as stored."""
        if self.begins_with is not None:
            return self.begins_with
        with self.path.open("rb") as file:
            return file.read(HEAD_BYTES)

    @cached_property
    def text_head(self) -> str:
        """The first 64 KiB after gzip or zstd, as text without a byte-order mark; undecodable bytes are replaced."""
        import zlib

        head = self.head
        if head.startswith(GZIP):
            try:
                head = zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
            except zlib.error:
                head = b""
        elif head.startswith(ZSTD):
            try:
                with zstd_stream(self.path) as stream:
                    head = stream.read(HEAD_BYTES)
            except OSError:
                head = b""
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return head.decode("utf-16", errors="replace")
        return head.decode("utf-8-sig", errors="replace")

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Names in a zip archive; none of any other file, or of a damaged one."""
        if not self.head.startswith(ZIP):
            return ()
        try:
            with zipfile.ZipFile(self.path) as archive:
                return tuple(archive.namelist())
        except (OSError, ValueError, zipfile.BadZipFile):
            return ()

    @property
    def first_line(self) -> str:
        """The first line of ``text_head``."""
        return self.text_head.split("\n", 1)[0].rstrip("\r")


@dataclass(frozen=True)
class Reader:
    """A format that can be landed.

    Attributes:
        name: lower-snake format name, such as ``fhir_ndjson``; also the Dagster asset ``raw/<name>``.
        description: one sentence for people.
        tables: the raw tables it may write.
        matches: True for files of this format; looks at ``Landed`` only, must be cheap and never raise.
        read: reads the file into the sink; raises ``BadFile`` when the whole file is unusable. One bad record is
            ``sink.reject(...)``, never an exception.
        kinship: files of the same (not null) kinship may be read in one go when they are small.
        read_together: reads several files into one sink, with global record numbers (``lake.together``); raises
            anything at all when it cannot, then each file is read alone.
    """

    name: str
    description: str
    tables: tuple[Table, ...]
    matches: Callable[[Landed], bool]
    read: Callable[[Landed, Sink], None]
    kinship: Callable[[Landed], str | None] | None = None
    read_together: Callable[[Sequence[Landed], Together], None] | None = None


def choose(landed: Landed, readers: Iterable[Reader]) -> Reader:
    """Return the first reader that recognises the file.

    Raises:
        BadFile: the file is empty or no reader knows it.
    """
    if landed.path.stat().st_size == 0:
        raise BadFile("empty_file", "the file has no bytes; deliver it again")
    for reader in readers:
        if reader.matches(landed):
            return reader
    raise BadFile(
        "unknown_format", "no reader recognises this file; `twin sources` lists the formats that can be landed"
    )

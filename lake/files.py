"""Files: hashing, atomic replacement, and decompression that can never run away."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from lake.quarantine import BadFile

_BLOCK = 1 << 20
_RATIO_FREE_BYTES = 64 << 20
"""The ratio limit starts to count above this size: tiny files of blanks compress well and harm no one."""


def sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Make the content of a file, or the renames within a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a draft path beside ``target``; on success it is synced and renamed over it, on failure it is removed.

    A reader sees the old file or the new one, never a half. A draft left by a killed process starts with a dot and
    is ignored by every reader.
    """
    if not target.parent.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_beside(target)
    try:
        yield draft
        move_into_place((draft, target))
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def draft_beside(target: Path) -> Path:
    """A name in the folder of ``target`` that no reader looks at and no other process takes."""
    return target.parent / f".{target.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.draft"


def move_into_place(*moves: tuple[Path, Path]) -> None:
    """Make finished files durable under their final names (same file system); readers see each whole or not at all.

    Args:
        moves: drafts, each with its final name. Many at once cost less than one after the other.
    """
    folders = {target.parent for _, target in moves}
    for folder in folders:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
    for draft, target in moves:
        fsync(draft)
        draft.replace(target)
    for folder in folders:
        fsync(folder)


class Bounded:
    """Counts decompressed bytes and stops a bomb: ``bounded.add(n)`` raises ``BadFile`` past the limits."""

    def __init__(self, compressed: int, max_bytes: int, max_ratio: int) -> None:
        self.limit = min(max_bytes, max(_RATIO_FREE_BYTES, compressed * max_ratio))
        self.seen = 0

    def add(self, count: int) -> None:
        """Account for ``count`` more decompressed bytes."""
        self.seen += count
        if self.seen > self.limit:
            raise BadFile(
                "decompression_bomb",
                f"over {self.limit:,} bytes when decompressed; raise TWIN_MAX_RATIO or TWIN_MAX_FILE_BYTES if real",
            )


GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
ZIP = b"PK\x03\x04"


def decompressed(path: Path, target: Path, max_bytes: int, max_ratio: int) -> Path:
    """Return ``path`` itself if it is neither gzip nor zstd, else its bounded decompression written to ``target``.

    Raises:
        BadFile: the stream is truncated or corrupt, or grows past the limits.
    """
    with path.open("rb") as file:
        magic = file.read(len(ZSTD))
    if not magic.startswith((GZIP, ZSTD)):
        return path
    kind = "gzip" if magic.startswith(GZIP) else "zstd"
    bounded = Bounded(path.stat().st_size, max_bytes, max_ratio)
    try:
        with gzip.open(path, "rb") if kind == "gzip" else zstd_stream(path) as source, target.open("wb") as out:
            while block := source.read(_BLOCK):
                bounded.add(len(block))
                out.write(block)
    except (EOFError, gzip.BadGzipFile, zlib.error, pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the file's
        text = f"{kind} stream ends or breaks after {bounded.seen:,} bytes: {error}"
        raise BadFile(f"corrupt_{kind}", text) from None
    return target


@contextmanager
def zstd_stream(path: Path) -> Iterator[IO[bytes]]:
    """Open a zstd file for reading; its content comes in the blocks that are asked for."""
    with pa.OSFile(str(path)) as file, pa.CompressedInputStream(file, "zstd") as stream:
        yield stream


def zip_members(path: Path, max_bytes: int, max_ratio: int, max_members: int = 100_000) -> list[zipfile.ZipInfo]:
    """List the regular members of a zip after checking names, count and declared sizes.

    Raises:
        BadFile: not a zip, a member name that leaves the archive, or sizes past the limits.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BadFile("corrupt_zip", f"not a readable zip archive: {error}") from None
    if len(members) > max_members:
        raise BadFile("decompression_bomb", f"{len(members):,} members, at most {max_members:,} are accepted")
    bounded = Bounded(path.stat().st_size, max_bytes, max_ratio)
    for member in members:
        name = member.filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or "\x00" in name:
            raise BadFile("unsafe_member_name", "a member's name leads outside the archive")
        if member.flag_bits & 0x1:
            raise BadFile("encrypted_zip", "the archive is encrypted; deliver it decrypted")
        bounded.add(member.file_size)
    return members


@contextmanager
def open_member(path: Path, member: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Open one member of a zip for reading; at most its declared size is ever produced by ``zipfile``."""
    with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
        yield stream


def unpack_member(path: Path, member: zipfile.ZipInfo, target: Path) -> None:
    """Write one member of a zip that ``zip_members`` listed to a file.

    Raises:
        BadFile: the member is damaged, or packed in a way that is not known.
    """
    try:
        with open_member(path, member) as stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out, _BLOCK)
    except (EOFError, NotImplementedError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise BadFile("corrupt_zip", f"a member cannot be unpacked: {error}") from None


def read_yaml(path: Path) -> Any:
    """A YAML file of the project; libyaml, where PyYAML has it, reads ten times as fast."""
    import yaml

    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

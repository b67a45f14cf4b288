"""Hostile archives are refused before they can hurt."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from lake import files
from lake.quarantine import BadFile


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_a_bomb_stops_at_the_ratio(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    bomb = tmp_path / "bomb"
    bomb.write_bytes(compress(b"\0" * (80 << 20)))
    with pytest.raises(BadFile, match="decompression_bomb"):
        files.decompressed(bomb, tmp_path / "out", max_bytes=1 << 40, max_ratio=100)


@pytest.mark.parametrize(("compress", "reason"), [(gzip.compress, "corrupt_gzip"), (zstd, "corrupt_zstd")])
def test_a_truncated_stream_is_named(tmp_path: Path, compress: Callable[[bytes], bytes], reason: str) -> None:
    half = tmp_path / "half"
    half.write_bytes(compress(bytes(range(256)) * 4096)[:-20])
    with pytest.raises(BadFile, match=reason):
        files.decompressed(half, tmp_path / "out", max_bytes=1 << 40, max_ratio=1_000_000)


def test_zstd_frames_that_follow_each_other_are_all_read(tmp_path: Path) -> None:
    """RFC 8878, 3: a stream is one or more frames."""
    path = tmp_path / "two.zst"
    path.write_bytes(zstd(b"one\n") + zstd(b"two\n"))
    plain = files.decompressed(path, tmp_path / "out", max_bytes=1 << 40, max_ratio=400)
    assert plain.read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil"])
def test_zip_members_cannot_leave_the_archive(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(BadFile, match="unsafe_member_name"):
        files.zip_members(path, max_bytes=1 << 40, max_ratio=400)


def test_zip_bomb_is_refused_by_its_declared_size(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * (80 << 20))
    with pytest.raises(BadFile, match="decompression_bomb"):
        files.zip_members(path, max_bytes=1 << 40, max_ratio=100)


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "t"
    target.write_text("old")

    def fail_half_way() -> None:
        with files.replacing(target) as draft:
            draft.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["t"]

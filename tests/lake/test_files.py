"""Hostile archives are refused before they can hurt."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from lake import files
from lake.quarantine import BadFile


def test_gzip_bomb_stops_at_the_ratio(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(b"\0" * (80 << 20)))
    with pytest.raises(BadFile, match="decompression_bomb"):
        files.decompressed(bomb, tmp_path / "out", max_bytes=1 << 40, max_ratio=100)


def test_truncated_gzip_is_named(tmp_path: Path) -> None:
    half = tmp_path / "half.gz"
    half.write_bytes(gzip.compress(bytes(range(256)) * 4096)[:-20])
    with pytest.raises(BadFile, match="corrupt_gzip"):
        files.decompressed(half, tmp_path / "out", max_bytes=1 << 40, max_ratio=400)


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

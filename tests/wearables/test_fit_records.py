"""Records of FIT files in columns: the very rows that fitdecode's messages give, on its own test files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lake.quarantine import BadFile
from tests.wearables.conftest import ReadFile
from wearables import fit_records

FILES = "wearables/fit/fitdecode/tests/files"
QUICK = (
    "2013-02-06-12-11-14.fit",  # a chain of definitions
    "2015-10-13-08-43-15.fit",
    "Activity.fit",
    "DeveloperData.fit",
    "developer-types-sample.fit",
    "compressed-speed-distance.fit",
    "MonitoringFile.fit",
    "activity-settings.fit",  # two files in one
    "garmin-fenix-5-run.fit",
    "sample-activity-indoor-trainer.fit",
)


def outcome(read_file: ReadFile, path: Path) -> Any:
    """Everything that a file became, or why it was refused."""
    try:
        found = read_file(path)
    except BadFile as bad:
        return bad.reason, bad.detail
    rows = {
        name: sorted(str(sorted((key, str(value)) for key, value in row.items() if key != "file_id")) for row in rows)
        for name, rows in found.tables.items()
    }
    rejected = sorted((one.position, one.reason, one.record_no) for one in found.rejected)
    return rows, found.read, found.accepted, found.ignored, rejected


def same_as_fitdecode(read_file: ReadFile, monkeypatch: pytest.MonkeyPatch, path: Path) -> bool:
    ours = outcome(read_file, path)
    with monkeypatch.context() as patch:
        patch.setattr(fit_records, "scan", lambda _: None)
        return bool(ours == outcome(read_file, path))


@pytest.mark.parametrize("name", QUICK)
def test_rows_are_those_of_fitdecode(
    shared_data: Path, read_file: ReadFile, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert same_as_fitdecode(read_file, monkeypatch, shared_data / FILES / name)


def test_h6_what_is_not_whole_is_left_to_fitdecode(shared_data: Path, read_file: ReadFile) -> None:
    """Wrong checksums, a broken header in a chain, short files: five of six are refused."""
    paths = sorted((shared_data / FILES / "invalid").glob("*.fit"))
    refused = [path for path in paths if isinstance(outcome(read_file, path)[0], str)]
    assert (len(paths), len(refused)) == (6, 5)
    assert all(fit_records.scan(path.read_bytes()) is None for path in refused)


def test_most_activities_are_read_in_columns(shared_data: Path) -> None:
    scans = {path.name: fit_records.scan(path.read_bytes()) for path in sorted((shared_data / FILES).glob("*.fit"))}
    assert sum(found is not None for found in scans.values()) >= 19
    edge = scans["garmin-edge-500-activity.fit"]
    assert edge is not None
    assert len(edge.ordinal) == 10_686  # reference H5
    assert edge.values["distance"][-1] == 92_622.34
    assert scans["MonitoringFile.fit"] is None
    assert scans["compressed-speed-distance.fit"] is None


@pytest.mark.slow
def test_all_files_are_read_as_fitdecode_reads_them(
    shared_data: Path, read_file: ReadFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted((shared_data / FILES).rglob("*.fit"))
    assert len(paths) == 38
    assert [path.name for path in paths if not same_as_fitdecode(read_file, monkeypatch, path)] == []


@pytest.mark.parametrize("length", [0, 1, 8, 9, 10, 1000])
def test_checksum(length: int) -> None:
    """The catalogue's check value of CRC-16/ARC is 0xBB3D; any length equals the sum byte by byte."""
    assert fit_records.checksum(b"123456789") == 0xBB3D
    content = bytes(number * 7 % 256 for number in range(length))
    expected = 0
    for byte in content:
        expected ^= byte
        for _ in range(8):
            expected = expected >> 1 ^ (0xA001 if expected & 1 else 0)
    assert fit_records.checksum(content) == expected


def test_any_damage_is_noticed(shared_data: Path) -> None:
    content = bytearray((shared_data / FILES / "garmin-fenix-5-walk.fit").read_bytes())
    assert fit_records.scan(bytes(content)) is not None
    for place in range(0, len(content), 97):
        damaged = content.copy()
        damaged[place] ^= 0x10
        assert fit_records.scan(bytes(damaged)) is None, place
    for length in range(0, len(content), 131):
        assert fit_records.scan(bytes(content[:length])) is None

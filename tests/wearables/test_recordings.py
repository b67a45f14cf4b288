"""Recordings that other libraries read: files written here field by field as their makers document them."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from lake.quarantine import BadFile
from tests.wearables.conftest import ReadFile

NOON = 1711886400  # 2024-03-31 12:00, on the device's own clock


def zipped(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return content.getvalue()


def gt3x(seconds: list[int], cut: int | None = None, scale: float | None = 256.0) -> bytes:
    """GT3X (github.com/actigraph/GT3X-File-Format): records of 30 samples of 12 bits, y before x, checksummed."""

    def record(kind: int, second: int, body: bytes) -> bytes:
        content = struct.pack("<BBIH", 0x1E, kind, NOON + second, len(body)) + body
        checksum = 0
        for byte in content:
            checksum ^= byte
        return content + bytes([~checksum & 0xFF])

    bits = "".join(f"{value & 0xFFF:012b}" for value in [-128, 256, 64] * 30)
    log = b""
    if scale is not None:  # parameters 10 and 55 of address space 0; the second as 24 bits of fraction, 8 of exponent
        log = record(21, 0, struct.pack("<HHIHHI", 0, 10, 30, 0, 55, 0x09400000))
    for second in seconds:
        log += record(0, second, int(bits, 2).to_bytes(len(bits) // 8, "big"))
    info = "Serial Number: X\r\nSample Rate: 30\r\nStart Date: 638475048000000000\r\n"
    return zipped({"info.txt": info.encode(), "log.bin": log[:cut]})


def cwa(blocks: int) -> bytes:
    """CWA (openmovement, ax3-technical.md): a header of 1 KiB, blocks of 512 bytes with 80 int16 triplets at 100 Hz."""
    header = bytearray(1024)
    struct.pack_into("<2sHBHI", header, 0, b"MD", 1020, 0x17, 7, 1)
    header[36] = 0x4A
    found = bytes(header)
    for number in range(blocks):
        second, part = divmod(number * 80, 100)
        # 2024-03-31 12:00 packed: year-2000 in 6 bits, month 4, day 5, hour 5, minute 6, second 6
        stamp = (24 << 26) | (3 << 22) | (31 << 17) | (12 << 12) | second
        block = bytearray(512)
        struct.pack_into(
            "<2sHHIIIHHBBBBhH", block, 0, b"AX", 508, 0, 1, number, stamp, 0, 0, 0, 0, 0x4A, 0x32, -part, 80
        )
        struct.pack_into("<240h", block, 30, *([256, -128, 64] * 80))
        total = sum(struct.unpack("<256H", block)) & 0xFFFF
        struct.pack_into("<H", block, 510, (0x10000 - total) & 0xFFFF)
        found += bytes(block)
    return found


def test_actigraph(read_file: ReadFile) -> None:
    pytest.importorskip("actfast")
    found = read_file(gt3x([0, 1, 2, 60, 61]), "walk.gt3x")
    chunks = found.tables["waveform_chunk"]
    assert [(one["signal"], one["start_at"].minute, len(one["values"])) for one in chunks] == [
        (f"acceleration_{axis}", minute, number) for minute, number in ((0, 90), (1, 60)) for axis in "xyz"
    ]
    assert chunks[0]["start_at"] == datetime(2024, 3, 31, 12)
    assert chunks[0]["rate_hz"] == pytest.approx(30, rel=1e-3)
    assert [set(one["values"]) for one in chunks[:3]] == [{1.0}, {-0.5}, {0.25}]
    assert (chunks[0]["unit"], chunks[0]["tz_source"], found.accepted) == ("g", "assumed_utc", 150)


def test_axivity(read_file: ReadFile) -> None:
    pytest.importorskip("actfast")
    found = read_file(cwa(5), "wrist.cwa")
    first = next(one for one in found.tables["waveform_chunk"] if one["signal"] == "acceleration_x")
    assert (first["signal"], first["start_at"], len(first["values"])) == (
        "acceleration_x", datetime(2024, 3, 31, 12), 400,
    )  # fmt: skip
    assert first["rate_hz"] == pytest.approx(100)
    assert set(first["values"]) == {1.0}


def test_a_recording_that_breaks_off_keeps_what_is_whole(read_file: ReadFile) -> None:
    pytest.importorskip("actfast")
    found = read_file(gt3x([0, 1], cut=25 + 144 + 40), "cut.gt3x")
    assert (found.accepted, found.reasons) == (30, ["truncated"])
    with pytest.raises(BadFile, match="no acceleration"):
        read_file(gt3x([]), "empty.gt3x")
    with pytest.raises(BadFile, match="scale"):
        read_file(gt3x([0], scale=None), "unscaled.gt3x")


def wfdb_record(tmp_path: Path, **more: object) -> dict[str, bytes]:
    """Written by the library itself, 16 bits a value: a ramp in mV, and a signal with a hole."""
    wfdb = pytest.importorskip("wfdb")
    ramp = np.linspace(-1, 1, 1000)
    holed = np.where(np.arange(1000) < 500, np.nan, 2.0)
    wfdb.wrsamp("r1", fs=250, units=["mV", "NU"], sig_name=["II", "PLETH"], p_signal=np.column_stack([ramp, holed]),
                fmt=["16", "16"], write_dir=str(tmp_path), **more)  # fmt: skip
    return {one.name: one.read_bytes() for one in tmp_path.iterdir()}


def test_wfdb(read_file: ReadFile, tmp_path: Path) -> None:
    members = wfdb_record(tmp_path, base_datetime=datetime(2024, 3, 31, 2, 30))
    found = read_file(zipped({f"mimic/{name}": body for name, body in members.items()}), "record.zip")
    lead, pulse = found.tables["waveform_chunk"]
    assert (lead["signal"], lead["unit"], lead["rate_hz"], lead["start_at"]) == (
        "II", "mV", 250, datetime(2024, 3, 31, 2, 30),
    )  # fmt: skip
    assert lead["values"] == pytest.approx(np.linspace(-1, 1, 1000), abs=1e-4)
    assert pulse["values"][:500] == [None] * 500
    assert pulse["values"][500:] == pytest.approx([2.0] * 500)


def test_wfdb_that_is_not_whole(read_file: ReadFile, tmp_path: Path) -> None:
    members = wfdb_record(tmp_path)
    assert read_file(zipped(members), "undated.zip").reasons == ["no_time"]
    assert read_file(zipped({"r1.hea": members["r1.hea"]}), "alone.zip").reasons == ["signals_missing"]
    outside = members["r1.hea"].replace(b"r1.dat", b"/etc/hosts")
    assert read_file(zipped({"r1.hea": outside, "r1.dat": b""}), "outside.zip").reasons != []
    with pytest.raises(BadFile, match="one zip"):
        read_file(members["r1.hea"], "r1.hea")


@pytest.mark.parametrize(("library", "extra"), [("actfast", "accelerometer"), ("wfdb", "wfdb")])
def test_without_the_library(read_file: ReadFile, monkeypatch: pytest.MonkeyPatch, library: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    content = gt3x([0]) if library == "actfast" else zipped({"r1.hea": b"r1 1 250 10\n"})
    with pytest.raises(BadFile, match=f"extra `{extra}`"):
        read_file(content, "any.zip")

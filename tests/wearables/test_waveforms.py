"""Waveforms: EDF recordings written here field by field as the specification has them, and a session of the E4."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

import numpy as np
import pytest

from lake.quarantine import BadFile
from tests.wearables.conftest import ReadFile


def edf(
    records: list[tuple[list[int], bytes]], *, kind: str = "", declared: int | None = None, date: str = "31.03.24"
) -> bytes:
    """ECG at 4 Hz in mV, -32768..32767 as -5..5, and annotations of 30 samples; records of one second."""
    head = f"{'0':8}{'X':80}{'Startdate':80}{date:8}{'02.30.00':8}{256 * 3:<8}{kind:44}"
    head += f"{len(records) if declared is None else declared:<8}{1:<8}{2:<4}"
    signals = [("ECG", "mV", "-5", "5", 4), ("EDF Annotations", "", "-1", "1", 30)]
    for width, values in (
        (16, [one[0] for one in signals]), (80, ["", ""]), (8, [one[1] for one in signals]),
        (8, [one[2] for one in signals]),
        (8, [one[3] for one in signals]), (8, ["-32768"] * 2), (8, ["32767"] * 2), (80, ["", ""]),
        (8, [str(one[4]) for one in signals]), (32, ["", ""]),
    ):  # fmt: skip
        head += "".join(f"{value:{width}}" for value in values)
    body = b"".join(np.array(ecg, "<i2").tobytes() + notes.ljust(60, b"\x00") for ecg, notes in records)
    return head.encode() + body


def at(second: float) -> bytes:
    return f"+{second:g}\x14\x14\x00".encode()


def test_edf_numbers_become_physical_ones(read_file: ReadFile) -> None:
    found = read_file(edf([([-32768, 0, 16384, 32767], at(0)), ([0, 0, 0, 0], at(1))]), "night.edf")
    (chunk,) = found.tables["waveform_chunk"]
    # (5 - -5) / 65535 mV a step
    assert chunk["values"] == pytest.approx([-5, 5 / 65535, 16384.5 * 10 / 65535, 5, *[5 / 65535] * 4], abs=1e-6)
    assert (chunk["signal"], chunk["unit"], chunk["rate_hz"]) == ("ECG", "mV", 4)
    assert (chunk["start_at"], chunk["tz_source"]) == (datetime(2024, 3, 31, 2, 30), "assumed_utc")
    assert (found.read, found.accepted) == (2, 2)


def test_a_gap_starts_a_chunk_and_so_do_five_minutes(read_file: ReadFile) -> None:
    broken = [([0] * 4, at(0)), ([1] * 4, at(1)), ([2] * 4, at(60.5))]
    chunks = read_file(edf(broken, kind="EDF+D"), "gap.edf").tables["waveform_chunk"]
    assert [(one["start_at"].second, len(one["values"])) for one in chunks] == [(0, 8), (0, 4)]
    assert chunks[1]["start_at"] == datetime(2024, 3, 31, 2, 31, 0, 500_000)
    long = read_file(edf([([0] * 4, at(second)) for second in range(601)]), "long.edf").tables["waveform_chunk"]
    assert [len(one["values"]) for one in long] == [1200, 1200, 4]


def test_a_cut_recording_keeps_what_is_whole(read_file: ReadFile) -> None:
    found = read_file(edf([([0] * 4, at(0)), ([0] * 4, at(1))])[:-10], "cut.edf")
    assert (found.accepted, found.reasons) == (1, ["truncated"])
    assert len(read_file(edf([([0] * 4, at(0))], declared=-1), "open.edf").tables["waveform_chunk"]) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (edf([([0] * 4, at(0))]).replace(b"32767   ", b"-32768  "), "corrupt_edf"),
        (edf([([0] * 4, at(0))], date="31.13.24"), "corrupt_edf"),
        (edf([([0] * 4, b"")], kind="EDF+D"), "corrupt_edf"),
        (edf([([0] * 4, at(0))], date="31.03.70"), "implausible_time"),
        (edf([([0] * 4, at(0))])[:300], "corrupt_edf"),
    ],
)
def test_what_is_no_recording_is_refused(read_file: ReadFile, content: bytes, reason: str) -> None:
    with pytest.raises(BadFile) as refused:
        read_file(content, "bad.edf")
    assert refused.value.reason == reason


def test_a_session_of_the_e4(read_file: ReadFile) -> None:
    files = {
        "HR.csv": "1544027347.0\n1.0\n80.5\n81\n",
        "TEMP.csv": "1544027337.0\n4.0\n33.1\n33.2\n",
        "EDA.csv": "1544027337.0\n4.0\n0.5\n",
        "BVP.csv": "1544027337.0\n64.0\n" + "1\n" * (64 * 301),
        "ACC.csv": "1544027337.0,1544027337.0,1544027337.0\n32.0,32.0,32.0\n64,-32,0\n",
        "IBI.csv": "1544027337.0, IBI\n1.5,0.8\n",
        "info.txt": "",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    found = read_file(packed.getvalue(), "1544027337_A00001.zip")
    assert [(row["value"], row["start_at"]) for row in found.metric("heart_rate")] == [
        (80.5, datetime(2018, 12, 5, 16, 29, 7)),
        (81, datetime(2018, 12, 5, 16, 29, 8)),
    ]
    chunks = found.tables["waveform_chunk"]
    assert {one["signal"]: one["values"] for one in chunks if one["signal"].startswith("acc")} == {
        "acceleration_x": [1.0], "acceleration_y": [-0.5], "acceleration_z": [0.0],
    }  # fmt: skip
    assert [len(one["values"]) for one in chunks if one["signal"] == "blood_volume_pulse"] == [64 * 300, 64]
    assert found.ignored == {"IBI.csv": 1}


def test_a_long_session_is_cut_without_loss(read_file: ReadFile) -> None:
    numbers = np.round(np.random.default_rng(7).normal(0, 50, 64 * 700), 2)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("EDA.csv", "ACC.csv"):
            archive.writestr(name, "1544027337.0\n4.0\n1\n")
        archive.writestr("BVP.csv", "1544027337.0\n64.0\n" + "\n".join(map(str, numbers)))
    chunks = [
        one
        for one in read_file(packed.getvalue(), "e4.zip").tables["waveform_chunk"]
        if one["signal"] == "blood_volume_pulse"
    ]
    assert np.allclose(np.concatenate([one["values"] for one in chunks]), numbers.astype(np.float32))
    assert [(one["start_at"] - chunks[0]["start_at"]).total_seconds() for one in chunks] == [0, 300, 600]

"""Account exports as they are downloaded: the members' rows are those of the files read alone."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lake.quarantine import BadFile
from tests.wearables.conftest import Outcome, ReadFile

WHOOP = {
    "physiological_cycles.csv": "Cycle start time,Cycle end time,Cycle timezone,Resting heart rate (bpm),"
    "Heart rate variability (ms)\n2024-01-01 23:00:00,2024-01-02 22:00:00,UTC+01:00,52,61\n",
    "sleeps.csv": "Cycle start time,Cycle timezone,Sleep onset,Wake onset,Nap,Asleep duration (min)\n"
    "2024-01-01 23:00:00,UTC+01:00,2024-01-01 23:10:00,2024-01-02 07:00:00,false,420\n",
    "journal_entries.csv": "Cycle start time,Cycle timezone,Question text\n2024-01-01 23:00:00,UTC+01:00,Coffee?\n",
}
WITHINGS = {
    "weight.csv": "Date,Weight (kg),Fat mass (kg)\n2024-01-01 08:00:00,70.5,12\n",
    "raw_tracker_hr.csv": 'start,duration,value\n2024-01-01T08:00:00+01:00,"[60,60]","[61,62]"\n',
    "bp.csv": "Date,Heart rate,Systolic,Diastolic\n2024-01-01 08:00:00,60,120,80\n",
}
OURA = {
    "heartrate.json": '{"data": [{"bpm": 60, "source": "sleep", "timestamp": "2024-01-01T03:00:00+00:00"}]}',
    "daily.json": '{"data": [{"day": "2024-01-01", "steps": 900, "equivalent_walking_distance": 600}]}',
}
TAKEOUT = {
    "Takeout/Fitbit/Global Export Data/heart_rate-2024-01-01.json": '[{"dateTime": "01/01/24 08:00:00",'
    ' "value": {"bpm": 60, "confidence": 2}}]',
    "Takeout/Fitbit/Global Export Data/steps-2024-01-01.json": '[{"dateTime": "01/01/24 08:00:00", "value": "7"}]',
}


def zipped(members: dict[str, bytes | str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return content.getvalue()


def measured(*found: Outcome) -> list[tuple[Any, ...]]:
    return sorted(
        (row["metric"], row["start_at"], row["end_at"], row["value"], row["utc_offset_min"], row["source_app"])
        for one in found
        for row in one.samples
    )


@pytest.mark.parametrize(("members", "unknown"), [(WHOOP, 1), (WITHINGS, 0), (OURA, 0), (TAKEOUT, 0)])
def test_an_export_is_its_members(read_file: ReadFile, members: dict[str, str], unknown: int) -> None:
    whole = read_file(zipped({**members, "media/photo.jpg": b"\xff\xd8\xff", ".DS_Store": b"x"}), "export.zip")
    alone = [
        read_file(body.encode(), name.rpartition("/")[2])
        for name, body in members.items()
        if not name.startswith("journal")
    ]
    assert whole.format == "account_export"
    assert measured(whole) == measured(*alone) != []
    numbers = [row["record_no"] for row in whole.samples]
    assert set(numbers) == set(range(1, len(alone) + 1))
    assert whole.ignored["member of a format that is not known"] == unknown + 1
    assert whole.ignored["hidden file"] == 1


def test_garmin_with_zips_within(read_file: ReadFile, shared_data: Path) -> None:
    """Uploaded FIT files lie in zips within the zip; a damaged one is rejected by its name, the others are read."""
    files = shared_data / "wearables/fit/fitdecode/tests/files"
    good = (files / "garmin-fenix-5-walk.fit").read_bytes()
    bad = (files / "invalid/activity-filecrc.fit").read_bytes()
    inner = zipped({"me_1.fit": good, "me_2.fit": bad, "me_3.fit": good})
    found = read_file(zipped({"DI_CONNECT/DI-Connect-Uploaded-Files/UploadedFiles_0-_Part1.zip": inner}), "garmin.zip")
    assert measured(found) == measured(read_file(good, "walk.fit")) != []
    (rejected,) = found.rejected
    assert rejected.position.endswith("Part1.zip: me_2.fit")
    assert found.ignored["the same member again"] == 1


def test_a_member_that_leads_outside_or_unpacks_too_large(read_file: ReadFile) -> None:
    with pytest.raises(BadFile) as outside:
        read_file(zipped({**WHOOP, "../../evil.csv": "x"}), "export.zip")
    assert outside.value.reason == "unsafe_member_name"
    with pytest.raises(BadFile) as bomb:
        read_file(zipped({**WHOOP, "zeros.csv": b"0" * (80 << 20)}), "export.zip")
    assert bomb.value.reason == "decompression_bomb"


def test_a_damaged_member_is_told_and_the_others_are_read(read_file: ReadFile) -> None:
    sound = zipped(WHOOP)
    with zipfile.ZipFile(io.BytesIO(sound)) as archive:
        damaged = archive.getinfo("sleeps.csv")
    place = damaged.header_offset + 30 + len(damaged.filename)  # its first packed byte: a block type that is none
    found = read_file(sound[:place] + b"\xff" + sound[place + 1 :], "export.zip")
    assert [(one.position, one.reason) for one in found.rejected] == [("sleeps.csv", "corrupt_zip")]
    assert "Resting heart rate" not in str(found.rejected)
    assert {row["metric"] for row in found.samples} == {
        row["metric"] for row in read_file(WHOOP["physiological_cycles.csv"].encode(), "a.csv").samples
    }
    assert found.read == found.accepted + len(found.rejected) + sum(found.ignored.values())

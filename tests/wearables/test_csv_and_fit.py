"""Dexcom Clarity (H12), FIT (H5, H6 of reference/wearables.md) and environment CSV."""

from __future__ import annotations

import csv
import statistics
from datetime import date, datetime
from pathlib import Path

import pytest

from lake.quarantine import BadFile
from tests.wearables.conftest import ReadFile

FIT = "wearables/fit/fitdecode/tests/files"
CLARITY = "Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Patient Info,Device Info,Source Device ID"


def test_h12_clarity_export(shared_data: Path, read_file: ReadFile) -> None:
    found = read_file(shared_data / "wearables/cgmquantify/test_/test_file.csv")
    values = [row["value"] for row in found.metric("glucose")]
    assert (len(values), found.ignored) == (2148, {"Alert": 7})
    # the notebook of cgmquantify: SD 28.799, CV 25.736 (relative tolerance 1e-4)
    assert statistics.stdev(values) == pytest.approx(28.799, rel=1e-4)
    assert 100 * statistics.stdev(values) / statistics.fmean(values) == pytest.approx(25.736, rel=1e-4)
    assert found.samples[0]["start_at"] == datetime(2016, 10, 24, 11, 24, 17)
    assert found.samples[0]["tz_source"] == "assumed_utc"
    (profile,) = found.tables["wearable_profile"]
    assert (profile["birth_date"], profile["display_name"]) == (date(1970, 1, 1), "Joe Schmoe")


def test_glucose_in_mmol_and_out_of_range(read_file: ReadFile) -> None:
    lines = [
        f"{CLARITY},Glucose Value (mmol/L)",
        "1,2024-01-01T00:00:00,EGV,,,,G7,5.5",
        "2,2024-01-01T00:05:00,EGV,,,,G7,Low",
        "3,2024-01-01T00:10:00,EGV,,,,G7,High",
        "4,2024-01-01T00:15:00,EGV,,,,G7,",
        "5,01/02/2024,EGV,,,,G7,5.5",
        "6,2024-01-01T00:20:00,EGV,,,,G7",
    ]
    found = read_file("\r\n".join(lines).encode(), "clarity.csv")
    assert [row["value"] for row in found.samples] == pytest.approx([5.5 * 18.0182, 39, 401])
    assert [row["censor"] for row in found.samples] == [None, "<=", ">="]
    assert found.reasons == ["invalid_value", "invalid_time", "malformed_line"]


def test_a_quote_that_never_closes_costs_one_line(read_file: ReadFile) -> None:
    lines = ["region_id,date,parameter,value,unit", '"R1,2024-01-01,pm2_5,9,ug/m3', "R2,2024-01-01,pm2_5,8,ug/m3"]
    found = read_file("\n".join(lines).encode(), "air.csv")
    assert ([row["value"] for row in found.tables["environment_reading"]], found.reasons) == ([8], ["malformed_line"])


def test_environment_readings(read_file: ReadFile) -> None:
    lines = [
        "region_id,date,parameter,value,unit",
        "481,2024-01-01,pm2_5,12.5,µg/m3",
        "481,2024-01-01,temperature_mean,50,degF",
        "481,2024-01-01,o3,10,ppb",
        "481,2024-01-01,no2,12,mol",
        "481,2024-13-01,no2,12,ug/m3",
        "481,2024-01-01",
        "481,2024-01-01,radon,3,Bq/m3",
        "481,2035-01-01,pm2_5,3,ug/m3",
        "481,2024-01-02,pm10,nan,ug/m3",
    ]
    found = read_file("\n".join(lines).encode() + b"\n\xff\xfe,2024-01-02,pm10,1,ug/m3\n", "air.csv", account=None)
    rows = {row["parameter"]: (row["value"], row["unit"]) for row in found.tables["environment_reading"]}
    assert rows == {
        "pm2_5": (12.5, "ug/m3"),
        "temperature_mean": (pytest.approx(10.0), "Cel"),
        # 2.00 ug/m3 per ppb: DEFRA's and the EU's conversion at 20 C
        "o3": (pytest.approx(20.0, rel=0.003), "ug/m3"),
    }
    assert found.ignored == {"radon": 1}
    assert found.reasons == [
        "unknown_unit", "invalid_time", "malformed_line", "implausible_time", "invalid_value", "invalid_utf8",
    ]  # fmt: skip


def test_h5_every_record_of_an_activity_equals_the_vendor_csv(shared_data: Path, read_file: ReadFile) -> None:
    found = read_file(shared_data / FIT / "garmin-edge-500-activity.fit")
    with (shared_data / FIT / "garmin-edge-500-activity-records.csv").open() as file:
        expected = list(csv.DictReader(file))
    messages = sorted({row["record_no"] for row in found.samples})
    assert len(messages) == len(expected) == 10_686
    ours: dict[str, dict[int, float]] = {}
    for row in found.samples:
        ours.setdefault(row["metric"], {})[row["record_no"]] = row["value"]
    columns = {
        "heart_rate": "heart_rate",
        "speed": "speed",
        "session_distance": "distance",
        "altitude": "altitude",
        "ambient_temperature": "temperature",
    }
    for metric, column in columns.items():
        got = [ours[metric][number] for number in messages]
        assert got == pytest.approx([float(row[column]) for row in expected], abs=1e-9), metric
    assert ours["session_distance"][messages[-1]] == 92_622.34
    # 121 unknown cadences are 0 in the CSV; unknown stays unknown here
    unknown = [row for number, row in zip(messages, expected, strict=True) if number not in ours["cadence"]]
    assert (len(unknown), {row["cadence"] for row in unknown}) == (121, {"0"})
    (workout,) = found.tables["wearable_workout"]
    assert (workout["activity"], workout["distance_m"]) == ("cycling", 92_622.34)


def test_h6_damaged_fit_files_are_refused_whole(shared_data: Path, read_file: ReadFile) -> None:
    parses = "elemnt-bolt-no-application-id-inside-developer-data-id"
    paths = sorted((shared_data / FIT / "invalid").glob("*.fit"))
    assert len(paths) == 6
    for path in paths:
        if path.stem == parses:
            assert len(read_file(path).samples) > 0
        else:
            with pytest.raises(BadFile) as refused:
                read_file(path)
            assert refused.value.reason == "corrupt_fit"


def test_chained_fit_file_is_read_to_its_end(shared_data: Path, read_file: ReadFile) -> None:
    assert read_file(shared_data / FIT / "activity-settings.fit").ignored["file_id"] == 2


def test_monitoring_counts_become_intervals(shared_data: Path, read_file: ReadFile) -> None:
    found = read_file(shared_data / FIT / "MonitoringFile.fit")
    steps = found.metric("step_count")
    assert steps[0]["start_at"] == datetime(2014, 12, 27, 6)  # monitoring_info's time stamp
    assert (steps[0]["value"], steps[1]["value"]) == (100, 215)  # 50 cycles, then 157.5: two steps a cycle
    # the file's own totals at its end, messages 354 and 355: 3,142 walked, 31 run
    assert sum(row["value"] for row in steps) == 3142 + 31
    assert steps[0]["utc_offset_min"] == -360  # local_timestamp is midnight


def test_weight_scale(shared_data: Path, read_file: ReadFile) -> None:
    found = read_file(shared_data / FIT / "WeightScaleSingleUser.fit")
    assert [row["value"] for row in found.metric("body_weight")] == pytest.approx([75.8, 76.09])


@pytest.mark.parametrize("cut", [1, 13, 14, 400, 5000])
def test_a_cut_fit_file_is_refused(shared_data: Path, read_file: ReadFile, cut: int) -> None:
    with pytest.raises(BadFile):
        read_file((shared_data / FIT / "garmin-fenix-5-run.fit").read_bytes()[:cut], "a.fit")

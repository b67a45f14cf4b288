"""Fitbit (vendor payloads of the Web API documentation and shimmer) and Open mHealth documents."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

import pytest

from lake.quarantine import BadFile
from tests.wearables.conftest import ReadFile

SHIMMER = "wearables/shimmer_vendor_payloads/shim-server/src/test/resources/org/openmhealth/shim/fitbit/mapper"
OMH = "wearables/openmhealth/test-data/omh"


def document(**content: object) -> bytes:
    """A JSON document."""
    return json.dumps({key.replace("__", "-"): value for key, value in content.items()}).encode()


def test_fitbit_intraday_heart_rate_is_naive_local_time(shared_data: Path, read_file: ReadFile) -> None:
    found = read_file(shared_data / SHIMMER / "fitbit-activities-heart-1d-1m-intraday.json")
    assert [row["value"] for row in found.samples] == [64, 63, 64, 65, 65]
    first = found.samples[0]
    assert (first["local_text"], first["tz_source"]) == ("2015-08-21T00:01:00", "assumed_utc")
    assert first["utc_offset_min"] is None
    # the day's "value" is an old form without a resting heart rate: nothing is made of it
    assert found.ignored == {"activities-heart": 1}


def test_fitbit_daily_total_beside_intraday_is_the_same_steps_again(shared_data: Path, read_file: ReadFile) -> None:
    found = read_file(shared_data / SHIMMER / "fitbit-activities-steps-1d-1m-intraday.json")
    assert [(row["value"], (row["end_at"] - row["start_at"]).total_seconds()) for row in found.samples] == [
        (7, 60), (0, 60), (52, 60),
    ]  # fmt: skip
    assert found.ignored == {"activities-steps": 1}
    daily = read_file(shared_data / SHIMMER / "fitbit-activities-steps-timeseries.json").samples
    assert [row["value"] for row in daily] == [175, 2937, 0]
    assert {row["source_type"] for row in daily} == {"daily_summary"}


def test_fitbit_weight_unit_needs_evidence(shared_data: Path, read_file: ReadFile) -> None:
    kilograms = read_file(shared_data / SHIMMER / "fitbit-body-log-weight.json").samples
    assert [row["value"] for row in kilograms] == [56.7, 55.9, 58.1, 57.2]
    # Takeout of a US account, the entry of fitport's README: 191.8 with BMI 27.77 is 1.77 m in pounds, 2.63 m in kg
    log = {"logId": 1, "date": "05/18/15", "time": "23:59:59"}
    takeout = [log | {"weight": 191.8, "bmi": 27.77}, log | {"weight": 191.8}]
    found = read_file(json.dumps(takeout).encode(), "weight-2015-05-18.json")
    assert [row["value"] for row in found.samples] == pytest.approx([191.8 * 0.45359237])
    assert found.samples[0]["start_at"] == datetime(2015, 5, 18, 23, 59, 59)
    assert found.reasons == ["unknown_unit"]


def test_fitbit_sleep_stages_and_restlessness(shared_data: Path, read_file: ReadFile) -> None:
    found = read_file(shared_data / SHIMMER / "fitbit-sleep-date.json")
    asleep = [row for row in found.samples if row["value_text"] == "asleep"]
    assert (asleep[0]["start_at"], asleep[0]["end_at"]) == (
        datetime(2016, 12, 13, 9, 59),
        datetime(2016, 12, 13, 11, 2),
    )
    assert {row["value_text"] for row in found.samples} <= {"asleep", "awake"}


def test_fitbit_nightly_values(read_file: ReadFile) -> None:
    for content, metric, value in (
        (document(hrv=[{"dateTime": "2024-01-02", "value": {"dailyRmssd": 34.9}}]), "hrv_rmssd", 34.9),
        (document(br=[{"dateTime": "2024-01-02", "value": {"breathingRate": 17.8}}]), "respiratory_rate", 17.8),
        (document(dateTime="2024-01-02", value={"avg": 97.5, "min": 94, "max": 100}), "oxygen_saturation", 97.5),
        (
            document(tempSkin=[{"dateTime": "2024-01-02", "value": {"nightlyRelative": -0.1}}]),
            "skin_temperature_deviation",
            -0.1,
        ),
        (
            document(activities__heart=[{"dateTime": "2024-01-02", "value": {"restingHeartRate": 61}}]),
            "resting_heart_rate",
            61,
        ),
    ):
        (row,) = read_file(content, "day.json").samples
        assert (row["metric"], row["value"], row["local_text"]) == (metric, value, "2024-01-02")


def test_fitbit_takeout_heart_rate_is_utc_with_us_dates(read_file: ReadFile) -> None:
    entries = [{"dateTime": "03/01/20 08:00:05", "value": {"bpm": 70, "confidence": 2}}, {"dateTime": "x", "value": {}}]
    found = read_file(json.dumps(entries).encode(), "heart_rate-2020-03-01.json")
    (row,) = found.samples
    assert (row["start_at"], row["value"], row["tz_source"]) == (datetime(2020, 3, 1, 8, 0, 5), 70, "vendor_utc")
    assert found.reasons == ["invalid_time"]


def test_fitbit_profile_gives_the_zone(read_file: ReadFile) -> None:
    user = {"timezone": "Europe/Vienna", "dateOfBirth": "1960-05-01", "gender": "FEMALE", "displayName": "A."}
    (profile,) = read_file(document(user=user), "profile.json", folder="fitbit").tables["wearable_profile"]
    assert (profile["time_zone"], str(profile["birth_date"]), profile["sex"]) == (
        "Europe/Vienna",
        "1960-05-01",
        "female",
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"sleep": [{"dateOfSleep": "2024-', "invalid_json"),
        (b'{"sleep": "\xff\xfe"}', "invalid_utf8"),
        (b"\xef\xbb\xbf  \n", "empty_file"),
        (b'{"something": 1}', "wrong_shape"),
        (gzip.compress(document(sleep=[]), mtime=0)[:-9], "corrupt_gzip"),
    ],
)
def test_bad_json_files(read_file: ReadFile, content: bytes, reason: str) -> None:
    with pytest.raises(BadFile) as refused:
        read_file(content, "sleep.json.gz" if content[:2] == b"\x1f\x8b" else "sleep.json", folder="fitbit")
    assert refused.value.reason == reason


def test_a_name_with_wildcards_stays_a_name(read_file: ReadFile) -> None:
    content = document(br=[{"dateTime": "2024-01-02", "value": {"breathingRate": 17}}])
    assert read_file(content, "a[1]*'; drop table x.json").accepted == 1


@pytest.mark.parametrize(
    ("schema", "metric", "count"),
    [
        ("step-count", "step_count", 1),
        ("heart-rate", "heart_rate", 1),
        ("blood-glucose", "glucose", 1),
        ("body-weight", "body_weight", 1),
        ("blood-pressure", "systolic_bp", 1),
        ("oxygen-saturation", "oxygen_saturation", 1),
        ("sleep-duration", "sleep_duration", 1),
        ("body-temperature", "body_temperature", 1),
    ],
)
def test_open_mhealth_valid_documents(
    shared_data: Path, read_file: ReadFile, schema: str, metric: str, count: int
) -> None:
    read = 0
    for path in sorted((shared_data / OMH / schema).glob("*/shouldPass/*.json")):
        if "time_frame" not in path.read_text():
            continue
        found = read_file(path, folder="open_mhealth")
        # a summary (maximum, …) is no sample; "on the evening of" a date is no time; one valid interval ends first
        no_time = found.reasons in (["end_before_start"], ["invalid_time"])
        assert found.samples or found.ignored or no_time, path.name
        assert all(row["metric"] in (metric, "diastolic_bp", "resting_heart_rate") for row in found.samples)
        read += len(found.metric(metric))
    assert read >= count


def test_open_mhealth_wrong_units_and_times_never_pass(shared_data: Path, read_file: ReadFile) -> None:
    for name in ("step-count", "heart-rate", "body-temperature", "sleep-duration"):
        for path in sorted((shared_data / OMH / name).glob("*/shouldFail/*.json")):
            if "duration-longer" in path.name or "duration-shorter" in path.name or "user-notes" in path.name:
                continue
            assert read_file(path, folder="open_mhealth").accepted == 0, path


def test_open_mhealth_lines(read_file: ReadFile) -> None:
    at = {"effective_time_frame": {"date_time": "2024-01-01T09:00:00+01:00"}}
    naive = {"effective_time_frame": {"date_time": "2024-01-01T09:00:00"}}
    pressure = {"systolic_blood_pressure": {"value": 120, "unit": "mmHg"}}
    lines = [
        {
            "header": {"schema_id": {"name": "heart-rate"}},
            "body": {"heart_rate": {"value": 60, "unit": "beats/min"}} | at,
        },
        {"heart_rate": {"value": 60, "unit": "beats/min"}} | naive,
        pressure | {"diastolic_blood_pressure": {"value": 10.7, "unit": "kPa"}} | at,
        pressure | {"diastolic_blood_pressure": {"value": 80, "unit": "furlong"}} | at,
        {"header": {"schema_id": {"name": "calories-burned"}}, "body": at},
    ]
    content = b"\xef\xbb\xbf" + b"\n".join([*(json.dumps(line).encode() for line in lines), b"{broken", b""])
    found = read_file(content, "documents.ndjson")
    assert (found.read, found.accepted, found.ignored) == (6, 2, {"calories-burned": 1})
    assert found.reasons == ["time_without_zone", "unknown_unit", "invalid_json"]
    rate = found.metric("heart_rate")[0]
    assert (rate["start_at"], rate["utc_offset_min"]) == (datetime(2024, 1, 1, 8), 60)
    at_rest = {
        "temporal_relationship_to_physical_activity": "at rest",
        "heart_rate": {"value": 55, "unit": "beats/min"},
    }
    assert read_file(json.dumps(at_rest | at).encode(), "a.json").samples[0]["metric"] == "resting_heart_rate"
    day = {"time_interval": {"start_date_time": "2024-01-01T00:00:00Z", "duration": {"value": 24, "unit": "h"}}}
    total = read_file(json.dumps({"step_count": 9000, "effective_time_frame": day}).encode(), "a.json").samples[0]
    assert total["source_type"] == "daily_summary"
    assert found.metric("diastolic_bp")[0]["value"] == pytest.approx(80.26, abs=0.01)  # 1 kPa = 7.50062 mmHg


def test_large_takeout_files_read_the_same_by_their_types(read_file: ReadFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast path against the one that judges every record; an odd record sends the whole file the slow way."""
    from wearables import fitbit

    entries = [{"dateTime": f"01/02/24 00:{n // 60:02}:{n % 60:02}", "value": {"bpm": 60 + n % 7, "confidence": 2}} for n in range(900)]  # fmt: skip  # noqa: E501
    steps = [{"dateTime": f"01/02/24 00:{n:02}:00", "value": str(n)} for n in range(60)]
    odd = [
        *entries[:5],
        {"dateTime": "never", "value": {"bpm": 3}},
        {"dateTime": "01/02/24 00:00:01", "value": {"bpm": "x"}},
    ]
    for name, content in (("heart_rate", entries), ("steps", steps), ("heart_rate", odd)):
        text = json.dumps(content, indent=1).encode()
        judged = read_file(text, f"{name}-2024-01-02.json", folder="takeout")
        with monkeypatch.context() as patched:
            patched.setattr(fitbit, "LARGE_BYTES", 0)
            typed = read_file(text, f"{name}-2024-01-02.json", folder="takeout")
        strip = [[{k: v for k, v in row.items() if k != "file_id"} for row in one.samples] for one in (judged, typed)]
        assert strip[0] == strip[1]
        assert (judged.read, judged.accepted, judged.reasons) == (typed.read, typed.accepted, typed.reasons)
    assert judged.reasons == ["invalid_time", "invalid_value"]

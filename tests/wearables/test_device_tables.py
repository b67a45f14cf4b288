"""Formats by declared names. JSON: payloads of vendors collected by Open mHealth's Shimmer (../shared/data), the
expected
values as they stand in them. CSV: files written here with the columns that the vendors document."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lake.quarantine import BadFile
from tests.wearables.conftest import Outcome, ReadFile
from wearables.declared import reader
from wearables.declared.mapping import Mapping, MappingError, load

PAYLOADS = "wearables/shimmer_vendor_payloads/shim-server/src/test/resources/org/openmhealth/shim"

# payload -> how many records were read, accepted, rejected
EMPTY, NOTHING = (0, 0, 0), None
COUNTS = {
    "fitbit/mapper/fitbit-activities-date-empty-activities-list": EMPTY,
    "fitbit/mapper/fitbit-activities-date-multiple-in-activities-list": (3, 3, 0),
    "fitbit/mapper/fitbit-sleep-date-empty-sleep-list": EMPTY,
    "googlefit/mapper/googlefit-empty": EMPTY,
    "googlefit/mapper/googlefit-merge-location-samples": (2, 0, 0),  # where somebody was is not kept
    "ihealth/mapper/ihealth-spo2-no-oxygen-saturation": (1, 0, 0),  # zero means: not measured
    "ihealth/mapper/ihealth-weight-no-weight-value": (1, 0, 0),
    "jawbone/mapper/jawbone-empty": EMPTY,
    "moves/mapper/moves-user-storyline-daily-no-segments": EMPTY,
    "moves/mapper/moves-user-activities-daily": (9, 5, 1),  # a walk that was typed in has no time
    "withings/mapper/withings-body-measures-only-goal": (1, 0, 0),
}


def values(found: Outcome, metric: str) -> list[Any]:
    return [row["value"] if row["value"] is not None else row["value_text"] for row in found.metric(metric)]


@pytest.mark.slow
def test_every_vendor_payload_is_recognised_and_accounted_for(shared_data: Path, read_file: ReadFile) -> None:
    paths = sorted((shared_data / PAYLOADS).rglob("*.json"))
    assert len(paths) == 63
    counts = {}
    for path in paths:
        found = read_file(path)
        counts[str(path.relative_to(shared_data / PAYLOADS).with_suffix(""))] = (
            found.read, found.accepted, len(found.rejected),
        )  # fmt: skip
    assert {name: counts[name] for name in COUNTS} == COUNTS
    silent = {name for name, (read, accepted, _) in counts.items() if read and not accepted}
    assert silent == {
        "googlefit/mapper/googlefit-merge-activity-segments",  # riding, and standing still: no metrics of ours
        "googlefit/mapper/googlefit-merge-activity-segments-only-stationary-activity",
        "googlefit/mapper/googlefit-merge-location-samples",
        "ihealth/mapper/ihealth-activity-no-steps",
        "ihealth/mapper/ihealth-spo2-no-oxygen-saturation",
        "ihealth/mapper/ihealth-weight-no-weight-value",
        "moves/mapper/moves-user-storyline-daily-no-steps",
        "withings/mapper/withings-body-measures-only-goal",
    }


@pytest.mark.parametrize(
    ("payload", "metric", "first", "start", "basis"),
    [
        # nanoseconds since 1970
        ("googlefit/mapper/googlefit-merge-heart-rate", "heart_rate", 54, "2015-01-30 15:37:48.186", "vendor_utc"),
        # seconds on the clock of -0800: the record was changed seven seconds after, in UTC
        ("ihealth/mapper/ihealth-bp", "systolic_bp", 120, "2015-09-17 20:04:23", "vendor_offset"),
        ("jawbone/mapper/jawbone-body-events", "body_weight", 64, "2015-10-05 01:52:41", "metadata"),
        ("misfit/mapper/misfit-sleeps", "sleep_stage", "core", "2015-02-24 02:40:59", "vendor_offset"),
        ("moves/mapper/moves-user-activities-daily", "step_count", 1353, "2012-12-12 05:14:30", "vendor_offset"),
        ("withings/mapper/withings-sleep-measures", "sleep_stage", "awake", "2014-12-02 20:00:00", "vendor_utc"),
        ("withings/mapper/withings-body-measures", "body_weight", 74.126, "2015-05-31 06:06:23", "metadata"),
    ],
)
def test_values_and_times_of_vendor_payloads(
    shared_data: Path, read_file: ReadFile, payload: str, metric: str, first: object, start: str, basis: str
) -> None:
    rows = read_file(shared_data / PAYLOADS / f"{payload}.json").metric(metric)
    at = datetime.fromisoformat(start)
    row = next(one for one in rows if one["start_at"] == at)
    assert (row["value"] if row["value"] is not None else row["value_text"], row["tz_source"]) == (first, basis)


def test_workouts_of_vendor_payloads(shared_data: Path, read_file: ReadFile) -> None:
    found = read_file(shared_data / PAYLOADS / "runkeeper/mapper/runkeeper-fitness-activities.json")
    ride = found.tables["wearable_workout"][0]
    assert (ride["activity"], ride["start_at"]) == ("cycling", datetime(2014, 10, 19, 11, 17, 27))
    assert (ride["distance_m"], ride["energy_kcal"]) == (10128.7131871337, 210.796359954334)
    walk = read_file(shared_data / PAYLOADS / "misfit/mapper/misfit-sessions.json").tables["wearable_workout"][0]
    assert walk["distance_m"] == pytest.approx(0.9371 * 1609.344)
    assert walk["duration_s"] == 1140


def test_fitabase_tells_people_apart_and_reads_month_first(read_file: ReadFile) -> None:
    lines = [
        "Id,Time,Value",
        "2022484408,4/12/2016 7:21:00 AM,97",
        "4020332650,4/1/2016 5:26:40 PM,104",
        "1,13/12/2016 1:00:00 AM,9",
    ]
    found = read_file("\r\n".join(lines).encode(), "heartrate_seconds_merged.csv")
    assert [(row["subject"], row["start_at"], row["value"]) for row in found.samples] == [
        ("2022484408", datetime(2016, 4, 12, 7, 21), 97),
        ("4020332650", datetime(2016, 4, 1, 17, 26, 40), 104),
    ]
    assert found.reasons == ["invalid_time"]


def test_fitabase_minutes_side_by_side(read_file: ReadFile) -> None:
    header = "Id,ActivityHour," + ",".join(f"Steps{minute:02}" for minute in range(60))
    row = "9,4/13/2016 12:00:00 AM," + ",".join(str(minute) for minute in range(60))
    found = read_file(f"{header}\n{row}\n".encode(), "minuteStepsWide_merged.csv")
    assert values(found, "step_count") == list(range(60))
    assert {row["end_at"] - row["start_at"] for row in found.samples} == {datetime(1, 1, 1, 0, 1) - datetime(1, 1, 1)}
    assert max(row["start_at"] for row in found.samples) == datetime(2016, 4, 13, 0, 59)
    assert (found.read, found.accepted) == (1, 1)


def test_fitabase_sleep_and_weight(read_file: ReadFile) -> None:
    sleep = (
        b"Id,date,value,logId\n7,4/12/2016 2:47:30 AM,1,11\n7,4/12/2016 2:48:30 AM,3,11\n7,4/12/2016 2:49:30 AM,9,11\n"
    )
    found = read_file(sleep, "minuteSleep_merged.csv")
    assert (values(found, "sleep_stage"), found.reasons) == (["asleep", "awake"], ["unknown_value"])
    weight = b"Id,Date,WeightKg,WeightPounds,Fat,BMI,IsManualReport,LogId\n"
    weight += b"7,5/2/2016 11:59:59 PM,52.6,115.96,22,22.65,True,1\n"
    found = read_file(weight, "weightLogInfo_merged.csv")
    assert {row["metric"]: (row["value"], row["source_type"]) for row in found.samples} == {
        "body_weight": (52.6, "self_reported"),
        "body_fat_percentage": (22, "self_reported"),
        "bmi": (22.65, "self_reported"),
    }


def test_oura_documents(read_file: ReadFile) -> None:
    night = b"""{"data": [{"id": "s", "day": "2024-03-31", "bedtime_start": "2024-03-30T23:50:00+01:00",
        "bedtime_end": "2024-03-31T07:10:00+02:00", "average_hrv": 41, "average_breath": 14.5, "lowest_heart_rate": 48,
        "total_sleep_duration": 21600, "sleep_phase_5_min": "4212", "type": "long_sleep",
        "heart_rate": {"interval": 300.0, "items": [52.0, null, 50.0], "timestamp": "2024-03-30T23:50:00.000+01:00"},
        "hrv": {"interval": 300.0, "items": [40.0], "timestamp": "2024-03-30T23:50:00.000+01:00"}}], "next_token":
        null}"""
    found = read_file(night, "sleep.json")
    assert values(found, "sleep_stage") == ["awake", "core", "deep", "core"]
    stages = found.metric("sleep_stage")
    assert (stages[0]["start_at"], stages[3]["end_at"]) == (
        datetime(2024, 3, 30, 22, 50),
        datetime(2024, 3, 30, 23, 10),
    )
    assert [(row["value"], row["start_at"].minute) for row in found.metric("heart_rate")] == [(52, 50), (50, 0)]
    # the clocks went forward in between: the night is 6 h 20 min long, not 7 h 20 min
    (sleep,) = found.metric("sleep_duration")
    assert (sleep["value"], (sleep["end_at"] - sleep["start_at"]).total_seconds()) == (360, 22_800)
    assert (sorted(values(found, "hrv_rmssd")), found.metric("hrv_sdnn")) == ([40, 41], [])
    day = (
        b'{"data": [{"day": "2024-03-31", "steps": 8000, "equivalent_walking_distance": 6400, "active_calories": 300}]}'
    )
    assert values(read_file(day, "daily_activity.json"), "step_count") == [8000]
    beats = b'{"data": [{"bpm": 61, "source": "awake", "timestamp": "2024-03-31T10:00:00+00:00"}], "next_token": null}'
    assert values(read_file(beats, "heartrate.json"), "heart_rate") == [61]
    account = b'{"sleep": [{"summary_date": "2020-01-01", "bedtime_start": "2020-01-01T23:00:00+02:00",' \
        b' "bedtime_end":' \
        b' "2020-01-02T06:00:00+02:00", "hr_5min": [0, 55], "rmssd": 33, "hypnogram_5min": "41"}], "activity":' \
        b' [{"summary_date": "2020-01-01", "steps": 5000}]}'  # fmt: skip
    found = read_file(account, "oura_export.json")
    assert (values(found, "step_count"), values(found, "heart_rate"), found.read) == ([5000], [55], 2)


def test_withings_files(read_file: ReadFile) -> None:
    raw = b'start,duration,value\n2020-01-01T10:00:00+01:00,"[60,120]","[72,75]"\n2020-01-01T10:05:00+01:00,[60],[0]\n'
    found = read_file(raw, "raw_tracker_hr.csv")
    assert [(row["value"], row["start_at"]) for row in found.samples] == [
        (72, datetime(2020, 1, 1, 9, 0)),
        (75, datetime(2020, 1, 1, 9, 1)),
    ]
    steps = read_file(raw, "raw_tracker_steps.csv").metric("step_count")
    assert (steps[1]["start_at"], steps[1]["end_at"]) == (datetime(2020, 1, 1, 9, 1), datetime(2020, 1, 1, 9, 3))
    pressure = b'Date,"Heart rate",Systolic,Diastolic,Comments\n"2020-05-01 08:00:00",61,121,79,\n'
    found = read_file(pressure, "bp.csv")
    assert {row["metric"]: row["value"] for row in found.samples} == {
        "systolic_bp": 121,
        "diastolic_bp": 79,
        "heart_rate": 61,
    }
    weight = b'Date,"Weight (lb)","Fat mass (lb)"\n"2020-05-01 08:00:00",154.32,30\n'
    assert values(read_file(weight, "weight.csv"), "body_weight") == [pytest.approx(154.32 * 0.45359237)]


def test_whoop_files(read_file: ReadFile) -> None:
    cycles = (
        "Cycle start time,Cycle end time,Cycle timezone,Recovery score %,Resting heart rate (bpm),"
        "Heart rate variability (ms),"
        "Skin temp (celsius),Blood oxygen %,Energy burned (cal)\n"
        "2022-11-05 22:47:59,2022-11-06 23:10:00,UTC-04:00,61,52,64,33.4,95.5,2100\n"
        "2022-11-06 23:10:00,,UTC-05:00,,,,,,\n"
    )
    found = read_file(cycles.encode(), "physiological_cycles.csv")
    assert {row["metric"]: row["value"] for row in found.samples} == {
        "resting_heart_rate": 52, "hrv_rmssd": 64, "skin_temperature": 33.4, "oxygen_saturation": 95.5,
        "total_energy": 2100,
    }  # fmt: skip
    assert (found.samples[0]["start_at"], found.samples[0]["utc_offset_min"]) == (
        datetime(2022, 11, 6, 2, 47, 59),
        -240,
    )
    assert (found.read, found.accepted, found.ignored) == (2, 1, {"nothing measured": 1})
    workouts = (
        "Cycle start time,Cycle end time,Cycle timezone,Workout start time,Workout end time,"
        "Activity name,Energy burned (cal)\n"
        "2022-11-05 22:47:59,,UTC+01:00,2022-11-06 08:00:00,2022-11-06 09:00:00,Running,510\n"
    )
    (run,) = read_file(workouts.encode(), "workouts.csv").tables["wearable_workout"]
    assert (run["activity"], run["start_at"], run["energy_kcal"]) == ("running", datetime(2022, 11, 6, 7), 510)
    recovery = b"""{"records": [{"cycle_id": 93845, "created_at": "2022-04-24T11:25:44.774Z", "score_state":
    "SCORED", "score":
        {"recovery_score": 44, "resting_heart_rate": 64, "hrv_rmssd_milli": 31.813562, "spo2_percentage": 95.6875}}]}"""
    assert values(read_file(recovery, "recovery.json"), "hrv_rmssd") == [31.813562]


def test_empatica_minutes(read_file: ReadFile) -> None:
    lines = "timestamp_unix,timestamp_iso,participant_full_id,pulse_rate_bpm,missing_value_reason\n" \
        "1672531200000,2023-01-01T00:00:00Z,1-1-A,,device_not_worn_correctly\n" \
        "1672531260000,2023-01-01T00:01:00Z,1-1-A,61,\n"  # fmt: skip
    found = read_file(lines.encode(), "1-1-A_pulse-rate.csv")
    assert [(row["value"], row["start_at"]) for row in found.samples] == [(61, datetime(2023, 1, 1, 0, 1))]
    assert found.ignored == {"nothing measured": 1}


OWN = """
- name: spiro
  description: Home thermometer of the trial.
  app: Spiro
  header: [Patient, Messzeit, Temp]
  person: Patient
  zone: {constant: Europe/Berlin}
  decimal: ","
  parts:
    - start: {from: Messzeit, form: day_or_month}
      measures: [{metric: body_temperature, from: Temp, unit: Cel, below: LO, above: HI, limits: [32, 43]}]
"""


def test_a_site_declares_its_own_csv(tmp_path: Path, read_file: ReadFile) -> None:
    folder = tmp_path / "mappings" / "wearables"
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text(OWN)
    (folder / "broken.yaml").write_text("- name: x\n")
    landing = tmp_path / "landing" / "trial"
    landing.mkdir(parents=True)
    path = landing / "t.csv"
    path.write_text("Patient;Messzeit;Temp\nA;28.03.2024 20:00;36,6\nB;29.03.2024 08:00;LO\nB;31.03.2024 08:00;37,1\n")
    found = read_file(path)
    assert [(row["subject"], row["value"], row["censor"]) for row in found.samples] == [
        ("A", 36.6, None),
        ("B", 32, "<="),
        ("B", 37.1, None),
    ]
    # winter time, then summer time
    assert [row["start_at"].hour for row in found.samples] == [19, 7, 6]
    assert found.notes["date_order"] == "day first"
    path.write_text("Patient;Messzeit;Temp\nA;03.04.2024 20:00;36,6\n")
    with pytest.raises(BadFile, match="ambiguous"):
        read_file(path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"parts": [{"start": "t", "measures": [{"metric": "heart_rte", "from": "x", "unit": "bpm"}]}]}, "dictionary"),
        ({"parts": [{"start": "t", "measures": [{"metric": "heart_rate", "from": "x"}]}]}, "never guessed"),
        ({"parts": [{"start": "t"}]}, "measures"),
        ({"signature": "x"}, "header"),
        ({"colour": 1}, "Extra"),
    ],
)
def test_a_wrong_mapping_is_told_by_file_and_field(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    import yaml

    one = {"name": "a", "description": "A file.", "app": "A", "header": ["t", "x"], "parts": [
        {"start": "t", "measures": [{"metric": "heart_rate", "from": "x", "unit": "bpm"}]}]}  # fmt: skip
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump([one]))
    assert isinstance(load(path)[0], Mapping)
    path.write_text(yaml.safe_dump([one | change]))
    with pytest.raises(MappingError, match=says) as told:
        load(path)
    assert str(told.value).startswith("a.yaml: a: ")


def test_names_of_mappings_are_unique() -> None:
    names = [one.name for one in reader.shipped()]
    assert len(names) == len(set(names))

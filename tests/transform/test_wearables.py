"""Wearables in the warehouse: days, baselines, glucose and alarms; the same tables whatever the order of arrival.

And whatever the steps: increments compute the days that are new, and leave what one whole build leaves.
"""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest

from lake.settings import Settings
from orchestration import increment
from wearables.circadian import sleep_regularity
from wearables.glucose import cgm_metrics

pytestmark = pytest.mark.slow  # a hundred models of the warehouse stand above these

START = datetime(2024, 3, 1, 4)
SHOWN = (
    "select * from core.twin_wearable_day order by all",
    "select * from core.twin_person_baseline_day order by all",
    "select * from marts_monitoring.glucose_report order by all",
    "select * from marts_monitoring.glucose_profile order by all",
    "select * from marts_monitoring.alarm order by all",
    "select * from marts_monitoring.rhythm_week order by all",
    "select * from marts_analyst.monitoring_daily order by all",
    "select * from core.twin_person_time_zone order by all",
)
SELECTED = "+glucose_profile +alarm +rhythm_week +monitoring_daily"


def sample(metric: str, at: datetime, value: float, **more: object) -> dict[str, object]:
    given = {"end_at": at, "unit": "x", "tz_source": "vendor_offset", "utc_offset_min": 0, "source_type": "device",
             "device_name": "ring", "source_app": "app", "source": "s", "account": "a",
             "file_id": "file-a"}  # fmt: skip
    return {"record_no": 1, "metric": metric, "start_at": at, "value": value, **given, **more}


def curve() -> list[dict[str, object]]:
    """Fifteen days of glucose every five minutes: a wave, a night low of 40 minutes, and a jittering sensor."""
    luck = random.Random(3)
    rows = []
    for number in range(15 * 288):
        at = START + timedelta(minutes=5 * number)
        low = at.day == 5 and at.hour == 2 and at.minute < 40
        value = 50.0 if low else 130 + 45 * (1 if at.hour in (8, 9, 13, 19) else 0) + luck.randint(-9, 9)
        rows.append(sample("glucose", at, value, source_type="cgm", file_id="file-g"))
    return rows


def nights() -> list[dict[str, object]]:
    """Thirty resting heart rates around 60, then six at 72; from the thirty-fourth day on another ring."""
    luck = random.Random(5)
    rows = []
    for day in range(36):
        at = datetime(2024, 2, 1, 3) + timedelta(days=day)
        value = 72.0 if day >= 30 else 60.0 + luck.randint(-2, 2)
        rows.append(sample("resting_heart_rate", at, value, device_name="other" if day >= 33 else "ring"))
    return rows


def pulses() -> list[dict[str, object]]:
    """Two weeks from a Monday, hour by hour: 50 from 23:00 to 7:00, else 90."""
    times = [datetime(2024, 3, 4) + timedelta(hours=number) for number in range(14 * 24)]
    return [
        sample("heart_rate", at, 50.0 if at.hour >= 23 or at.hour < 7 else 90.0, source_type="watch") for at in times
    ]


def sleeps() -> list[dict[str, object]]:
    """Eight nights of person b, of eight hours from 23:00, each second one an hour later; in the first one oxygen.

    It is measured every 10 s and falls from 96 to 88 % for 20 s every ten minutes.
    """
    rows = []
    for day in range(8):
        at = datetime(2024, 3, 3, 23) + timedelta(days=day, hours=day % 2)
        rows.append(sample("sleep_duration", at, 480.0, end_at=at + timedelta(hours=8), subject="b"))
    for number in range(6 * 360):
        at = datetime(2024, 3, 4, 0) + timedelta(seconds=10 * number)
        rows.append(sample("oxygen_saturation", at, 88.0 if number % 60 in (7, 8, 9) else 96.0, subject="b"))
    return rows


def walks() -> list[dict[str, object]]:
    """Seventy days of person c: 9,000 steps a day for five weeks, then 6,000."""
    return [
        sample("step_count", datetime(2024, 1, 1, 12) + timedelta(days=day), 9000.0 if day < 35 else 6000.0,
               end_at=datetime(2024, 1, 1, 13) + timedelta(days=day), subject="c")
        for day in range(70)
    ]  # fmt: skip


def clock_changes() -> list[dict[str, object]]:
    """Nights of the clock changes of 2014: asleep from 22:00 to 7:00 by the clock, read every half hour."""
    rows = []
    for who, zone, start, hours, offset in (
        ("london", "Europe/London", datetime(2014, 3, 29, 22), 8, 60),
        ("amsterdam", "Europe/Amsterdam", datetime(2014, 10, 25, 20), 10, 60),
    ):
        of = {"subject": who, "tz_source": "metadata", "time_zone": zone, "utc_offset_min": offset}
        rows += stages(start, 60 * hours, **of)
        rows += [
            sample("heart_rate", start + timedelta(minutes=30 * n), 50.0, source_type="watch", **of)
            for n in range(2 * hours)
        ]
    whole_day = {"end_at": datetime(2014, 10, 26, 23), "source_type": "watch"}
    return [*rows, sample("step_count", datetime(2014, 10, 25, 22), 2500.0, **whole_day, **of)]


def stages(start: datetime, *minutes: int, **more: object) -> list[dict[str, object]]:
    """A sleep of person b, or of another one, whose stages follow each other."""
    rows, names = [], ("core", "deep", "awake", "rem")
    for number, length in enumerate(minutes):
        end = start + timedelta(minutes=length)
        stage = {"subject": "b", "end_at": end} | more
        rows.append({**sample("sleep_stage", start, 0.0, **stage), "value": None, "value_text": names[number % 4]})
        start = end
    return rows


ALARM = {
    "record_no": 1, "subject": "p", "rule": "glucose_below_54", "severity": "urgent", "began_at": START,
    "raised_at": START + timedelta(minutes=15), "value": 50.0, "baseline": 54.0, "evidence": "{}", "is_late": False,
    "received_at": START, "committed_at": START, "source": "live", "file_id": "file-l",
}  # fmt: skip
SAMPLES = [
    *curve(),
    *nights(),
    *pulses(),
    *sleeps(),
    *walks(),
    *clock_changes(),
    sample("step_count", START, 900.0, end_at=START + timedelta(hours=1), subject="b"),
]


@pytest.fixture(scope="module")
def built(new_home):
    home = new_home()
    home.put("wearable_sample", SAMPLES)
    home.put("alarm_event", [ALARM, {**ALARM, "file_id": "file-m", "record_no": 7}])
    home.dbt("seed")
    home.dbt("run", "--select", *SELECTED.split())
    return home, [home.query(one) for one in SHOWN]


def test_a_day_of_glucose_is_what_the_command_says_of_it(built):
    home, _ = built
    ((date, low, mage, gri, modd),) = home.query("""
        select local_date, episodes_below_54, glucose_mage, glucose_gri, glucose_modd from core.twin_wearable_day
        where local_date = date '2024-03-05' and glucose_readings > 0""")
    rows = [one for one in curve() if one["start_at"].date() == date]
    readings = pa.table({"series": ["x"] * len(rows), "happened_at": [one["start_at"] for one in rows],
                         "mg_dl": [one["value"] for one in rows]})  # fmt: skip
    (alone,) = cgm_metrics(readings).to_pylist()
    assert (low, alone["episodes_below_54"]) == (1, 1)
    assert (mage, gri) == (pytest.approx(alone["mage_mg_dl"], abs=1e-6), pytest.approx(alone["gri"], abs=1e-6))
    # the day before is part of the mean of daily differences; a file of one day has none
    assert modd > 0
    assert alone["modd_mg_dl"] is None


def test_the_report_is_of_fourteen_days(built):
    home, _ = built
    ((readings, enough, first, gmi, mean),) = home.query(
        "select readings, is_enough, first_at, gmi_percent, mean_mg_dl from marts_monitoring.glucose_report"
    )
    assert (first.date(), enough) == (datetime(2024, 3, 3).date(), True)
    assert readings == sum(one["start_at"].date() >= first.date() for one in curve())
    assert gmi == pytest.approx(3.31 + 0.02392 * mean)  # Bergenstal 2018
    hours = home.query(
        "select hour, p5_mg_dl, median_mg_dl, p95_mg_dl from marts_monitoring.glucose_profile order by hour"
    )
    assert [one[0] for one in hours] == list(range(24))
    assert all(low <= middle <= high for _, low, middle, high in hours)
    assert hours[8][2] > 165
    assert hours[3][2] < 140


def test_a_new_device_has_no_past(built):
    home, _ = built
    rows = home.query("""
        select value, n_28d, robust_z, cusum_high, is_new_device from core.twin_person_baseline_day
        where metric = 'resting_heart_rate' order by local_date""")
    assert [row[4] for row in rows].count(True) == 1
    assert rows[33] == (72.0, 0, None, None, True)
    assert rows[30][2] > 3.5
    assert rows[32][3] > rows[31][3] > rows[30][3] > 0
    alarms = home.query("select rule from marts_monitoring.alarm where origin = 'warehouse' order by rule, began_at")
    assert alarms[0] == ("resting_heart_rate_cusum_high",)
    assert ("resting_heart_rate_z",) in alarms


def test_a_week_of_square_days(built):
    """Days that are all the same have IS 1; L5 is 50, M10 is 90, RA 40 / 140."""
    home, _ = built
    rows = home.query("""
        select week_start_date, days, interdaily_stability, l5, m10, relative_amplitude, l5_onset_hour
        from marts_monitoring.rhythm_week where days is not null order by 1""")
    expected = (7, 1.0, 50.0, 90.0, pytest.approx(40 / 140, abs=1e-6), 0)
    assert [(row[0].isoformat(), row[1:6]) for row in rows] == [
        ("2024-03-04", expected[:5]),
        ("2024-03-11", expected[:5]),
    ]


def test_sleep_is_as_regular_as_its_minutes_say(built):
    """Nights that move by an hour and back differ in two of 24 hours; the same out of a state for every minute."""
    home, _ = built
    states = [
        {"happened_at": at, "is_asleep": any(one["start_at"] <= at < one["end_at"] for one in sleeps()[:8])}
        for at in (datetime(2024, 3, 3, 12) + timedelta(minutes=10 * n) for n in range(8 * 144))
    ]
    index = sleep_regularity(pa.Table.from_pylist(states))
    rows = home.query("""
        select sleep_regularity_index, sleep_pairs, days from marts_monitoring.rhythm_week
        where sleep_pairs is not null order by week_start_date""")
    assert rows == [(pytest.approx(index), 6, None), (pytest.approx(index), 1, None)]
    assert index == pytest.approx(100 - 200 * 2 / 24)


def test_drops_of_oxygen_per_hour_of_sleep(built):
    home, _ = built
    rows = home.query("""
        select local_date, oxygen_desaturation_index_3, oxygen_desaturation_index_4 from core.twin_wearable_day
        where oxygen_desaturation_index_3 is not null""")
    assert [(str(row[0]), *row[1:]) for row in rows] == [
        ("2024-03-04", pytest.approx(6, rel=1e-3), pytest.approx(6, rel=1e-3))
    ]


def test_a_decline_of_steps_is_told_once(built):
    """The median of four weeks is 6,000 from the sixteenth day after the change on; four weeks ago it was 9,000."""
    home, _ = built
    found = home.query("""
        select began_at, value, baseline, is_late from marts_monitoring.alarm where rule = 'step_count_decline'""")
    assert found == [(datetime(2024, 2, 20), 6000.0, 9000.0, False)]


def test_an_alarm_that_was_handed_over_twice_is_one(built):
    home, _ = built
    found = home.query("select rule, severity, value, is_late from marts_monitoring.alarm where origin = 'monitor'")
    assert found == [("glucose_below_54", "urgent", 50.0, False)]


def test_people_of_one_file_are_apart(built):
    home, _ = built
    assert home.query("select count(distinct person_id) from core.twin_wearable_day") == [(5,)]


def test_h24_a_night_of_a_clock_change_is_as_long_as_it_was(built):
    """London, 30 March 2014: no hour 1. Amsterdam, 26 October 2014: hour 2 comes twice (H24)."""
    home, _ = built
    rows = home.query("""
        select local_date, sleep_minutes, sleep_midpoint_hour, steps from core.twin_wearable_day
        where year(local_date) = 2014 and sleep_minutes is not null order by all""")
    assert rows == [(date(2014, 3, 30), 480.0, 3.0, None), (date(2014, 10, 26), 600.0, 2.0, 2500.0)]
    readings = home.query("""
        select time_zone, hour(local_start_at), count(*) from intermediate.int_wearable_sample__located
        where metric = 'heart_rate' and year(local_date) = 2014 and hour(local_start_at) < 7 group by all""")
    hours = {zone: {hour: n for found, hour, n in readings if found == zone} for zone, *_ in readings}
    assert hours["Europe/London"] == {0: 2, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2}
    assert hours["Europe/Amsterdam"] == {0: 2, 1: 2, 2: 4, 3: 2, 4: 2, 5: 2, 6: 2}


TABLES = [
    f"stg_wearables__sample+,+{model},config.materialized:{kind}"
    for model in ("glucose_profile", "alarm", "rhythm_week", "monitoring_daily")
    for kind in ("table", "incremental")
]
"""What samples reach. Views read the files that lie there now: only tables are built anew."""


def moved(rows: list[dict[str, object]], days: int, **more: object) -> list[dict[str, object]]:
    """The same rows some days later."""
    by = timedelta(days=days)
    return [{**row, "start_at": row["start_at"] + by, "end_at": row["end_at"] + by, **more} for row in rows]


AUCKLAND, VIENNA = (
    {"tz_source": "metadata", "time_zone": zone, "utc_offset_min": offset}
    for zone, offset in (("Pacific/Auckland", 780), ("Europe/Vienna", 60))
)
DEVICE = {"device_name": "third"}
STEPS = {
    "a new day of everybody, and somebody new": [
        *moved(curve()[-288:], 1),
        *moved(pulses()[-24:], 1),
        *moved(walks()[-1:], 1),
        *stages(datetime(2024, 3, 12, 22), 90, 30, 20, 60, 120),
        *moved(pulses(), 0, subject="d", **VIENNA),
        *moved(pulses(), 0, subject="e"),
    ],
    "the night goes on; days long ago, restated, of another device; another zone, and the first one": [
        *stages(datetime(2024, 3, 13, 4), 40, 30, 10, 60),
        *stages(datetime(2024, 3, 20, 23), 200, 100),
        *(sample("resting_heart_rate", datetime(2024, 3, day, 3), 61.0 + day % 3, **DEVICE) for day in range(9, 12)),
        sample("heart_rate", datetime(2024, 3, 9, 13, 30), 150.0, source_type="watch"),
        sample("glucose", datetime(2024, 3, 9, 0, 2), 40.0, source_type="cgm"),
        sample("step_count", datetime(2024, 1, 20, 12, 10), 700.0, end_at=datetime(2024, 1, 20, 12, 50), subject="c",
               source_type="watch"),
        sample("step_count", datetime(2024, 2, 15, 12), 7777.0, end_at=datetime(2024, 2, 15, 13), subject="c"),
        *moved(pulses()[-3:], 4, subject="d", **AUCKLAND),
        *moved(pulses()[-3:], 4, subject="e", **AUCKLAND),
    ],
    "a night between the two, the same zone, and readings that are there already": [
        *stages(datetime(2024, 3, 14, 22), 60, 60, 5, 200),
        *moved(pulses()[-3:], 5, subject="d", **AUCKLAND),
        *moved(curve()[-288:], 0),
        sample("glucose", START + timedelta(days=16, hours=2), 61.0, source_type="cgm"),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def increments(built):
    """From which day on each increment computed; what they left, and what everything at once does in another order."""
    home, _ = built
    given = list(SAMPLES)

    def build(file_id: str | None) -> None:
        plan = increment.Plan(None if file_id is None else frozenset([file_id]), "test")
        with increment.running(Settings(home=home.path), plan):
            home.dbt("run", "--select", *TABLES)

    with increment.running(Settings(home=home.path), increment.Plan(None, "what is built")):
        pass
    computed = {}
    for number, (name, rows) in enumerate(STEPS.items()):
        given += [{**row, "file_id": f"step-{number}"} for row in rows]
        home.put("wearable_sample", given)
        build(f"step-{number}")
        found = home.query("select distinct person_id, from_date from intermediate.int_wearable_day__touched")
        computed[name] = sorted(day.isoformat() for _, day in found)
    left = [home.query(one) for one in SHOWN]

    luck = random.Random(11)
    again = [*given, *luck.sample(given, len(given) // 10)]
    luck.shuffle(again)
    cut = luck.randrange(1, len(again))
    home.put("wearable_sample", again[:cut])
    home.put("wearable_sample", again[cut:], "another-part")
    build(None)
    return computed, left, [home.query(one) for one in SHOWN]


def test_increments_leave_what_everything_at_once_leaves_in_any_order_split_and_duplicated(increments):
    _, left, whole = increments
    assert all(whole)
    for query, one, other in zip(SHOWN, left, whole, strict=True):
        assert one == other, query


def test_an_increment_computes_only_new_days(increments):
    """From a day before where glucose or a night may go on; all days of who is new, and of who was elsewhere."""
    computed, _, _ = increments
    everything = "1900-01-01"
    assert list(computed.values()) == [
        [everything, everything, "2024-03-11", "2024-03-12", "2024-03-15"],
        [everything, everything, "2024-01-20", "2024-03-08", "2024-03-12"],
        ["2024-03-14", "2024-03-14", "2024-03-23"],
    ]

"""Glucose and heart beat metrics against figures that others computed (reference/wearables.md, section 8)."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from lake.sql_macros import macros
from tests.wearables.conftest import ReadFile
from wearables.glucose import cgm_metrics, profile
from wearables.heart_beats import NoPulse, beats, hrv_metrics, nn_intervals, sampling_rate
from wearables.monitor.events import Desaturation
from wearables.monitor.readings import Reading

RUN = "wearables/simglucose/examples/results/2017-12-31_17-46-32"


def readings(values: list[float], minutes: float = 5, series: str = "all") -> pa.Table:
    start = datetime(2024, 1, 1)
    times = [start + timedelta(minutes=minutes * number) for number in range(len(values))]
    return pa.table({"series": [series] * len(values), "happened_at": times, "mg_dl": [float(one) for one in values]})


def test_h11_ranges_of_thirty_virtual_patients(shared_data: Path) -> None:
    """simglucose's own performance_stats.csv; its hourly risk of single readings gives LBGI and HBGI."""
    with (shared_data / RUN / "performance_stats.csv").open() as file:
        expected = {row[""]: row for row in csv.DictReader(file)}
    tables, risks = [], {}
    for name in expected:
        with (shared_data / RUN / f"{name}.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if row["BG"]]
        times = [datetime.fromisoformat(row["Time"]) for row in rows]
        tables.append(
            pa.table({"series": [name] * len(rows), "happened_at": times, "mg_dl": [float(row["BG"]) for row in rows]})
        )
        of_reading = [(float(row["LBGI"]), float(row["HBGI"])) for row in rows if row["LBGI"]]
        risks[name] = (len(rows), len(of_reading), np.mean(of_reading, axis=0))
    compared = 0
    found = cgm_metrics(pa.concat_tables(tables)).to_pylist()
    assert len(found) == 30
    for row in found:
        wanted = expected[row["series"]]
        ours = (row["time_in_range"], row["time_above_180"], row["time_below_70"], row["time_above_250"])
        theirs = [float(wanted[name]) for name in ("70<=BG<=180", "BG>180", "BG<70", "BG>250")]
        assert ours == pytest.approx(theirs, abs=1e-9)
        count, with_risk, risk = risks[row["series"]]
        # the risk of less than 1 mg/dL is not defined; simglucose's equations come to that for some
        if count == with_risk and row["min_mg_dl"] > 1:
            compared += 1
            assert (row["lbgi"], row["hbgi"]) == pytest.approx(tuple(risk), rel=1e-6)
    assert compared > 10


def test_h12_spread_of_a_dexcom_file(shared_data: Path, read_file: ReadFile) -> None:
    """cgmquantify's notebook prints SD 28.799 and CV 25.736 of this file."""
    samples = read_file(shared_data / "wearables/cgmquantify/test_/test_file.csv").metric("glucose")
    assert len(samples) == 2148
    table = pa.table(
        {
            "series": ["all"] * len(samples),
            "happened_at": [row["start_at"] for row in samples],
            "mg_dl": [row["value"] for row in samples],
        }
    )
    (row,) = cgm_metrics(table).to_pylist()
    assert (row["sd_mg_dl"], row["cv_percent"]) == pytest.approx((28.799, 25.736), rel=1e-4)
    assert row["step_s"] == 300
    assert len(profile(table)) == 24


def test_glucose_formulas() -> None:
    """By hand: GMI of a mean of 150 is 6.898 (Bergenstal 2018: 6.9); GRI weighs 3.0, 2.4, 1.6, 0.8 (Klonoff 2023)."""
    (row,) = cgm_metrics(readings([50, 60, 100, 100, 100, 100, 100, 200, 260, 430])).to_pylist()
    assert row["mean_mg_dl"] == 150
    assert row["gmi_percent"] == pytest.approx(6.898)
    assert row["gri"] == pytest.approx(3.0 * 10 + 2.4 * 10 + 1.6 * 20 + 0.8 * 10)
    assert row["is_enough"] is False


def test_episodes_last_fifteen_minutes_and_end_after_fifteen() -> None:
    """Battelino 2023: 10 minutes are no episode; 10 minutes above do not end one; 120 minutes are prolonged."""
    low, fine = [65.0], [100.0]
    short = cgm_metrics(readings(fine * 6 + low * 2 + fine * 6)).to_pylist()[0]
    bridged = cgm_metrics(readings(fine * 6 + low * 3 + fine * 2 + low * 3 + fine * 6)).to_pylist()[0]
    two = cgm_metrics(readings(fine * 6 + low * 3 + fine * 3 + low * 3 + fine * 6)).to_pylist()[0]
    prolonged = cgm_metrics(readings(fine * 6 + low * 24 + fine * 6)).to_pylist()[0]
    assert [one["episodes_below_70"] for one in (short, bridged, two, prolonged)] == [0, 1, 2, 1]
    assert [one["episodes_below_70_prolonged"] for one in (two, prolonged)] == [0, 1]
    assert prolonged["episodes_below_54"] == 0


def test_days_that_repeat_do_not_differ() -> None:
    day = [100 + 40 * np.sin(number / 288 * 2 * np.pi) for number in range(288)]
    (same,) = cgm_metrics(readings([*day, *day])).to_pylist()
    (risen,) = cgm_metrics(readings([*day, *(one + 10 for one in day)])).to_pylist()
    assert same["modd_mg_dl"] == pytest.approx(0, abs=1e-9)
    assert risen["modd_mg_dl"] == pytest.approx(10)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "Short",
            {"n": 337, "mean_nn_ms": 888.955490, "sdnn_ms": 95.690354, "rmssd_ms": 101.300634, "nn50": 163,
             "pnn50_percent": 48.511905, "mean_hr_bpm": 68.215347},
        ),
        (
            "Long",
            {"n": 4684, "mean_nn_ms": 768.438, "sdnn_ms": 85.357, "rmssd_ms": 60.523, "nn50": 1338, "nn20": 3008,
             "pnn50_percent": 28.571, "pnn20_percent": 64.232, "mean_hr_bpm": 78.990, "sd_hr_bpm": 8.305,
             "mean_absolute_difference_ms": 42.199, "sd_absolute_difference_ms": 43.391},
        ),
    ],
)  # fmt: skip
def test_h14_intervals_as_pyhrv_reports_them(shared_data: Path, name: str, expected: dict[str, float]) -> None:
    nn = np.load(shared_data / f"wearables/pyhrv/SampleNNISeries{name}.npy")
    (row,) = hrv_metrics(nn_intervals(nn)).to_pylist()
    assert {key: row[key] for key in expected} == pytest.approx(expected, rel=2e-5)


def test_h15_beats_of_a_pulse_wave_as_heartpy_finds_them(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HeartPy 1.2: fs 116.996, 62.376 beats a minute, RMSSD 57.070 of data2.csv.

    Its stretches above the level begin at the last sample of the stretch before; with that, the figures are the same to
    the last digit, and without it nearly so.
    """
    table = np.loadtxt(shared_data / "wearables/heartpy/heartpy/data/data2.csv", delimiter=",", skiprows=1)
    rate = sampling_rate(table[:, 0])
    assert rate == pytest.approx(116.996, rel=1e-4)  # HeartPy divides by one sample more
    (row,) = hrv_metrics(beats(table[:, 1], rate).intervals()).to_pylist()
    assert (60_000 / row["mean_nn_ms"], row["rmssd_ms"]) == pytest.approx((62.376, 57.070), rel=1e-2)

    def one_sample_early(signal: np.ndarray, level: np.ndarray, rate_hz: float) -> np.ndarray:
        above = np.flatnonzero(signal > level)
        stretches = np.split(above, np.flatnonzero(np.diff(above) > 1)) if len(above) else []
        peaks = np.array([one[np.argmax(signal[one])] for one in stretches if len(one)], np.int64)
        return peaks[1:] if len(peaks) and peaks[0] <= 0.15 * rate_hz else peaks

    monkeypatch.setattr("wearables.heart_beats._peaks", one_sample_early)
    (row,) = hrv_metrics(beats(table[:, 1], 116.996).intervals()).to_pylist()
    assert (60_000 / row["mean_nn_ms"], row["rmssd_ms"]) == pytest.approx((62.376, 57.070), rel=2e-5)


def test_a_flat_line_has_no_pulse() -> None:
    with pytest.raises(NoPulse):
        beats(np.full(2000, 500.0), 100)


def excursions_by_hand(values: list[float]) -> float | None:
    """MAGE another way: drop the smallest swing between turning points until all are at least an SD."""
    sd = float(np.std(values, ddof=1))
    turns = [values[0]]
    for one in values[1:]:
        if len(turns) > 1 and (turns[-1] - turns[-2]) * (one - turns[-1]) > 0:
            turns[-1] = one
        elif one != turns[-1]:
            turns.append(one)
    while len(turns) > 1:
        sizes = [abs(b - a) for a, b in pairwise(turns)]
        smallest = min(sizes)
        if smallest >= sd:
            break
        place = sizes.index(smallest)
        if place == 0:
            del turns[0]
        elif place == len(sizes) - 1:
            del turns[-1]
        else:
            del turns[place : place + 2]
    swings = [b - a for a, b in pairwise(turns)]
    kept = [abs(one) for one in swings if (one > 0) == (swings[0] > 0)]
    return sum(kept) / len(kept) if kept else None


def test_excursions_as_service_counts_them() -> None:
    """Service 1970: only swings of at least one SD (47.7), in the direction of the first: up 100, 100 and 90."""
    (found,) = cgm_metrics(readings([100, 200, 120, 220, 140, 150, 145, 230])).to_pylist()
    assert found["mage_mg_dl"] == pytest.approx(290 / 3)
    (falling,) = cgm_metrics(readings([230, 145, 150, 140, 220, 120, 200, 100])).to_pylist()
    assert falling["mage_mg_dl"] == pytest.approx(290 / 3)
    assert cgm_metrics(readings([120] * 10)).to_pylist()[0]["mage_mg_dl"] is None


def test_excursions_of_thirty_virtual_patients_another_way(shared_data: Path) -> None:
    tables, expected = [], {}
    for path in sorted((shared_data / RUN).glob("*#*.csv")):
        with path.open() as file:
            values = [float(row["BG"]) for row in csv.DictReader(file) if row["BG"]]
        tables.append(readings(values, 3, path.stem))
        expected[path.stem] = excursions_by_hand(values)
    assert len(expected) == 30
    found = {row["series"]: row["mage_mg_dl"] for row in cgm_metrics(pa.concat_tables(tables)).to_pylist()}
    assert found == {name: pytest.approx(one) for name, one in expected.items()}


def test_desaturations_of_the_warehouse_are_those_of_the_monitor() -> None:
    """The same definition twice: as SQL over a night, and reading by reading."""
    luck = np.random.default_rng(9)
    start = datetime(2024, 3, 1)
    drift = 96 - 6 * (np.sin(np.arange(1800) / 9) > 0.6) + luck.integers(-1, 2, 1800)
    seconds = np.arange(1800) * 8.0 + np.where(np.arange(1800) > 900, 600, 0)  # ten minutes off the finger
    night = pa.table({"series": ["n"] * 1800, "happened_at": [start + timedelta(seconds=one) for one in seconds],
                      "value": drift.astype(float)})  # fmt: skip
    with duckdb.connect(":memory:") as connection:
        connection.register("night", night)
        query = macros("oxygen").oxygen_desaturation("night", 3)
        ((_, measured_s, _, found),) = connection.sql(query).fetchall()
        assert connection.sql(macros("oxygen").oxygen_desaturation("night")).fetchall() == []  # less than four hours
    rule = Desaturation(rule="d", severity="notice", kind="desaturation", metric="oxygen_saturation", drop=4,
                        per_hour=1e9, clear=0, window=1e9)  # fmt: skip
    state: dict[str, Any] = {}
    for at, value in zip(seconds, drift, strict=True):
        rule.step(state, Reading("P", "oxygen_saturation", float(at), 0, float(value), True))
    assert measured_s == 1798 * 8
    assert found * measured_s / 3600 == pytest.approx(len(state["drops"]))
    assert len(state["drops"]) > 20

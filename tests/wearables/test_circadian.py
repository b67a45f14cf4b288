"""Circadian measures of signals whose rhythm is known by construction."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from lake.sql_macros import macros
from wearables.circadian import cosinor, rhythm, sleep_regularity

START = datetime(2024, 3, 1)


def of_hours(values: list[float | None]) -> dict[str, Any]:
    table = pa.table(
        {
            "series": ["all"] * len(values),
            "happened_at": [START + timedelta(hours=number) for number in range(len(values))],
            "value": pa.array(values, pa.float64()),
        }
    )
    return dict(rhythm(table).to_pylist()[0])


def test_days_that_are_all_the_same() -> None:
    """IS is 1. A sine of one cycle a day has IV = 2 (1 - cos 15 degrees) for many days (van Someren 1996: near 0)."""
    found = of_hours([100 + 50 * math.cos(2 * math.pi * (hour - 15) / 24) for hour in range(24 * 200)])
    assert found["interdaily_stability"] == pytest.approx(1)
    assert found["intradaily_variability"] == pytest.approx(2 * (1 - math.cos(math.radians(15))), rel=1e-3)
    assert (found["hours"], found["days"]) == (4800, 200)
    assert found["m10_onset_hour"] == 11  # the ten hours around 15:30; the other such stretch begins at 10
    assert found["l5_onset_hour"] == 1  # the five hours around 3


def test_noise_has_no_rhythm() -> None:
    """Witting 1990: for independent values IS goes to 0 and IV to 2."""
    noise = np.random.default_rng(1).normal(100, 10, 24 * 400)
    found = of_hours([float(one) for one in noise])
    assert found["interdaily_stability"] < 0.02
    assert found["intradaily_variability"] == pytest.approx(2, abs=0.1)


def test_rest_and_activity_of_a_square_day() -> None:
    """Eight hours of 10 from 23:00, sixteen of 200: L5 is 10, M10 is 200, RA is 190 / 210; rest goes over midnight."""
    day = [10.0 if hour >= 23 or hour < 7 else 200.0 for hour in range(24)]
    found = of_hours([*day, *day, *day])
    assert (found["l5"], found["m10"]) == (10, 200)
    assert found["relative_amplitude"] == pytest.approx(190 / 210)
    late = [10.0 if hour >= 21 or hour < 2 else 200.0 for hour in range(24)]
    assert of_hours([*late, *late])["l5_onset_hour"] == 21


def test_hours_that_are_missing_are_not_zero() -> None:
    values: list[float | None] = [100 + hour % 24 for hour in range(24 * 30)]
    full = of_hours(values)
    values[100:110] = [None] * 10
    gap = of_hours(values)
    assert gap["hours"] == full["hours"] - 10
    assert gap["interdaily_stability"] == pytest.approx(1)
    assert gap["m10"] == pytest.approx(full["m10"])


def test_cosinor_finds_what_was_put_in() -> None:
    """Even where the samples are few and unevenly spread."""
    hours = np.sort(np.random.default_rng(2).uniform(0, 24 * 7, 50))
    found = cosinor(hours, 70 + 12 * np.cos(2 * np.pi * (hours - 16.5) / 24))
    assert found == pytest.approx({"mesor": 70, "amplitude": 12, "acrophase_hour": 16.5, "r_squared": 1})
    with pytest.raises(ValueError, match="same times"):
        cosinor(np.array([8.0, 32.0, 56.0, 80.0]), np.array([1.0, 2.0, 3.0, 4.0]))


def test_sleep_regularity() -> None:
    """Phillips 2017: 100 for the same sleep every day, -100 for the opposite one, 0 by chance."""

    def index(asleep: list[bool | None]) -> float | None:
        times = [START + timedelta(hours=number) for number in range(len(asleep))]
        return sleep_regularity(pa.table({"happened_at": times, "is_asleep": pa.array(asleep, pa.bool_())}))

    day = [hour < 8 for hour in range(24)]
    assert index([*day, *day, *day]) == 100
    assert index([*day, *(not one for one in day)]) == -100
    assert index([*day, *[None] * 24]) is None
    # one of 24 hours differs: 200 * 23 / 24 - 100
    assert index([*day, *([True] * 9 + [False] * 15)]) == pytest.approx(200 * 23 / 24 - 100)


def test_the_warehouse_fits_the_same_cosine() -> None:
    """The macro's normal equations against least squares, on noise with holes in it."""
    luck = np.random.default_rng(4)
    hours = np.sort(luck.choice(7 * 24, 100, replace=False))
    values = 60 + 12 * np.cos(2 * math.pi * (hours - 15.5) / 24) + luck.normal(0, 3, 100)
    activity = pa.table({"series": ["all"] * 100, "happened_at": [START + timedelta(hours=int(one)) for one in hours],
                         "value": values})  # fmt: skip
    with duckdb.connect(":memory:") as connection:
        connection.register("activity", activity)
        (row,) = connection.sql(macros("circadian").cosinor("activity")).to_arrow_table().to_pylist()
        few = activity.slice(0, 3)
        connection.register("few", few)
        assert connection.sql(macros("circadian").cosinor("few")).fetchall() == []
    expected = cosinor(hours.astype(float), values)
    assert {name: row[name] for name in expected} == {name: pytest.approx(one) for name, one in expected.items()}

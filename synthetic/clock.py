"""Calendar of the demo study, and local time: everything is simulated in local wall time of one zone."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

DATA_CUTOFF = np.datetime64("2026-06-30", "D")
"""Nothing was recorded after this day. A constant, so that the population never depends on today."""
FIRST_EXPORT = np.datetime64("2026-04-01", "D")
"""Hospital A's first bulk export holds what was recorded before this day; its delta export holds the rest."""
STUDY_START = np.datetime64("2014-07-01", "D")
YEARS = 12
"""Intervals of the discrete-time model: 1 July to 1 July, the last one ends the day after the cut-off."""
GRID = np.array([f"{2014 + k}-07-01" for k in range(YEARS + 1)], dtype="datetime64[D]")
"""Edges of the intervals; the latent state is known at each of them."""
ENROLMENT = (np.datetime64("2014-07-15", "D"), np.datetime64("2016-04-15", "D"))
TIME_ZONE = "America/New_York"

Times = NDArray[Any]
"""Dates or times (``datetime64``); numpy's stubs lose the kind in arithmetic."""
Days = Times
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]


def utc_offset_minutes(local: Times) -> NDArray[np.int64]:
    """Offset of US Eastern time at local wall times: -240 from the second Sunday of March, 02:00, to the first of
    November, 02:00, else -300 (Energy Policy Act of 2005, in force since 2007)."""
    passed = np.searchsorted(_changes(), local.astype("datetime64[m]"), side="right")
    return np.where(passed % 2 == 1, -240, -300)


def iso_local(local: Times, unit: Literal["s", "m", "ms"] = "s") -> list[str]:
    """Format local wall times as ISO 8601 with their offset, as a hospital system writes them."""
    text = np.datetime_as_string(local.astype(f"datetime64[{unit}]"), unit=unit)
    offset = np.where(utc_offset_minutes(local) == -240, "-04:00", "-05:00")
    return np.char.add(text, offset).tolist()


def days(dates: Times) -> list[str | None]:
    """Format dates as ``YYYY-MM-DD``; not-a-time becomes None."""
    return [None if text == "NaT" else text for text in np.datetime_as_string(dates.astype("datetime64[D]")).tolist()]


@cache
def _changes() -> Times:
    """Local times of all clock changes from 1960 to 2100, in order: to summer time, back, and so on."""
    years = np.arange("1960", "2100", dtype="datetime64[Y]").astype("datetime64[M]")
    return np.column_stack([_sunday(years + 2, 1), _sunday(years + 10, 0)]).ravel()


def _sunday(month: Times, weeks: int) -> Times:
    """02:00 on the Sunday ``weeks`` after the first of each month."""
    first = month.astype("datetime64[D]")
    weekday = (first.astype(np.int64) + 4) % 7  # 1970-01-01 was a Thursday; 0 is Sunday
    return (first + ((7 - weekday) % 7) + 7 * weeks).astype("datetime64[m]") + np.timedelta64(120, "m")

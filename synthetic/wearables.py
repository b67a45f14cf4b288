"""What trackers measure in their two campaigns, and the hand-over to one writer per platform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthetic.chunks import Chunk
from synthetic.clock import DATA_CUTOFF, Array, Days, Index
from synthetic.people import PLATFORMS

CAMPAIGN_DAYS = 60
STEP_HOURS = np.arange(7, 22)


@dataclass
class Worn:
    """Daily values of one person: rows are days worn, in order; all times are local wall times.

    ``steps`` is what the person walked; ``hourly`` splits it over ``STEP_HOURS``. ``asleep`` and ``awake`` are minutes
    around midnight: ``asleep`` is counted from the previous day's noon.
    """

    date: Days
    steps: Index
    hourly: Index
    resting: Index
    rmssd: Array
    sdnn: Array
    oxygen: Array
    asleep: Index
    slept: Index
    weight: Array
    weighed: np.ndarray


def daily(chunk: Chunk, i: int, rng: np.random.Generator) -> list[Worn]:
    """Both campaigns of a person: 60 days from enrolment, and 60 days to the cut-off for those still there."""
    people, history = chunk.people, chunk.history
    starts = [people.enrolled[i] + np.timedelta64(3, "D")]
    if np.isnat(history.death[i]) and np.isnat(history.left[i]):
        starts.append(DATA_CUTOFF - np.timedelta64(CAMPAIGN_DAYS, "D"))
    result = []
    for start in starts:
        dates = start + np.flatnonzero(rng.random(CAMPAIGN_DAYS) < 0.93).astype("timedelta64[D]")
        n = len(dates)
        who = np.full(n, i)
        activity, resting = history.level("activity", who, dates), history.level("rhr", who, dates)
        bmi, height = history.level("bmi", who, dates), history.level("height", who, dates)
        weekend = (dates.astype(int) + 3) % 7 >= 5
        mean = np.exp(8.68 + 0.36 * activity - 0.10 * weekend)
        share = rng.dirichlet(np.full(len(STEP_HOURS), 1.6), n)
        hourly = np.floor(share * (mean * np.exp(rng.normal(0, 0.28, n)))[:, None]).astype(np.int64)
        day_rate = np.rint(resting - 6 + rng.normal(0, 1.6, n)).astype(np.int64)
        sdnn = 47 * np.exp(-0.022 * (resting - 65) + rng.normal(0, 0.16, n))
        asleep = np.rint(645 + 20 * weekend + rng.normal(0, 32, n)).astype(np.int64)
        result.append(
            Worn(
                dates, hourly.sum(axis=1), hourly, np.clip(day_rate, 38, 110),
                sdnn * 0.78 * np.exp(rng.normal(0, 0.08, n)), sdnn,
                np.clip(96.6 + rng.normal(0, 0.7, n), 88, 100), asleep,
                np.clip(np.rint(418 + 25 * weekend + rng.normal(0, 42, n)), 200, 640).astype(np.int64),
                bmi * (height / 100) ** 2 + rng.normal(0, 0.4, n), rng.random(n) < 0.14,
            )
        )  # fmt: skip
    return result


def write(chunk: Chunk) -> None:
    """Write the dumps of everyone in the chunk who wears something."""
    from synthetic import apple_health, dexcom, enrolment, fitbit, garmin, open_mhealth

    writers = {"apple_health": apple_health.write, "fitbit": fitbit.write, "open_mhealth": open_mhealth.write}
    for k, platform in enumerate(PLATFORMS):
        rng = chunk.rng(platform)
        for i in np.flatnonzero(chunk.people.platform == k).tolist():
            writers[platform](chunk, i, daily(chunk, i, rng), rng)
    rng = chunk.rng("dexcom")
    for i in np.flatnonzero(enrolment.wears_cgm(chunk)).tolist():
        dexcom.write(chunk, i, rng)
    rng = chunk.rng("garmin")
    for i in np.flatnonzero(chunk.people.garmin).tolist():
        garmin.write(chunk, i, rng)

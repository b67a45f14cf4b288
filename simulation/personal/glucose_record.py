"""A person's glucose record: sensor values, meals and insulin, from a CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from simulation.engine.course import Array
from simulation.engine.intervention import Intervention, Now

EATING_RATE = 5.0
"""g of carbohydrate per minute: how fast a meal is taken to be eaten (the pace of the UVA/Padova simulator)."""
PMOL_PER_UNIT = 6000.0
"""pmol of insulin per unit (U-100 human insulin; 1 U = 6 nmol)."""
MOST_ROWS = 200_000
MOST_MEAL = 500.0
"""g; more carbohydrate within one sample is a wrong unit, not a meal."""
MOST_INSULIN = 10.0
"""U/kg within one sample: no bolus is that large."""


class BadRecord(ValueError):
    """A record that cannot be used; the message names file, line and reason."""


@dataclass(frozen=True)
class GlucoseRecord:
    """Equally spaced samples.

    Attributes:
        minutes: since the first sample, shape (samples,).
        sensor: CGM in mg/dL, NaN where absent.
        reference: blood glucose in mg/dL, NaN where absent; used to judge a forecast, never to fit.
        carbohydrate: g per minute, mean over the interval that begins at the sample.
        insulin: U per minute, mean over the interval that begins at the sample.
    """

    minutes: Array
    sensor: Array
    reference: Array
    carbohydrate: Array
    insulin: Array

    @property
    def interval(self) -> float:
        """Minutes between samples."""
        return float(self.minutes[1] - self.minutes[0])

    def meals(self) -> list[tuple[float, float]]:
        """(minute, grams of carbohydrate) of every meal."""
        return [
            (float(self.minutes[number]), float(self.carbohydrate[number] * self.interval))
            for number in np.flatnonzero(np.nan_to_num(self.carbohydrate) > 0)
        ]


def read(path: Path) -> GlucoseRecord:
    """Read a CSV with the columns ``Time`` (ISO), ``CGM``, ``CHO`` (g/min), ``insulin`` (U/min) and perhaps ``BG``.

    Raises:
        BadRecord: a column is absent, a value is impossible, or times are not equally spaced and increasing.
    """
    with path.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        missing = {"Time", "CGM", "CHO", "insulin"} - set(reader.fieldnames or ())
        if missing:
            raise BadRecord(
                f"{path.name}, line 1: no column {', '.join(sorted(missing))}; wanted Time, CGM, CHO, insulin"
            )
        rows = list(_rows(path, reader))
    if len(rows) < 3:
        raise BadRecord(f"{path.name}: {len(rows)} samples; at least 3 are needed")
    table = np.array([row[1:] for row in rows], dtype=float)
    minutes = np.array([(row[0] - rows[0][0]).total_seconds() / 60 for row in rows])
    steps = np.diff(minutes)
    wrong = np.flatnonzero(np.abs(steps - steps[0]) > 1e-6)
    if steps[0] <= 0 or len(wrong):
        line = int(wrong[0]) + 3 if len(wrong) else 3
        raise BadRecord(f"{path.name}, line {line}: samples must be equally spaced and in order of time")
    return GlucoseRecord(minutes, table[:, 0], table[:, 1], np.nan_to_num(table[:, 2]), _carried(table[:, 3]))


def _rows(path: Path, reader: csv.DictReader[str]) -> Iterator[tuple[datetime, float, float, float, float]]:
    for number, row in enumerate(reader, 2):
        if number > MOST_ROWS:
            raise BadRecord(f"{path.name} has more than {MOST_ROWS} lines")
        try:
            at = datetime.fromisoformat(row["Time"])
            values = [float(row.get(name) or "nan") for name in ("CGM", "BG", "CHO", "insulin")]
        except (TypeError, ValueError) as error:
            raise BadRecord(f"{path.name}, line {number}: {error}") from None
        limits = ((10, 1000), (-0.01, 2000), (0, MOST_MEAL), (0, MOST_INSULIN * 200))
        for name, value, (low, high) in zip(("CGM", "BG", "CHO", "insulin"), values, limits, strict=True):
            if not np.isnan(value) and not low <= value <= high:
                raise BadRecord(f"{path.name}, line {number}: {name} {value:g} is impossible ({low:g} to {high:g})")
        yield at, values[0], values[1], values[2], values[3]


def _carried(values: Array) -> Array:
    """A pump goes on as it was set: a gap carries the last value."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return np.zeros_like(values)
    return values[known[np.maximum(np.searchsorted(known, np.arange(len(values)), side="right") - 1, 0)]]


def as_interventions(record: GlucoseRecord, weight: float) -> list[Intervention]:
    """What the person ate and injected, as interventions in `type_1_glucose`.

    A meal is eaten at 5 g/min; the stomach's reference amount ``D`` is what was in it when the meal began plus what has
    been eaten since, in mg.

    Args:
        weight: kg, to express insulin per kg.
    """
    changed = np.flatnonzero(np.diff(record.insulin, prepend=np.nan) != 0)
    pump = [
        Intervention(float(record.minutes[n]), {"infusion": float(record.insulin[n]) * PMOL_PER_UNIT / weight})
        for n in changed
    ]
    return [*pump, *eating(record.meals())]


def eating(meals: Iterable[tuple[float, float]]) -> list[Intervention]:
    """Meals eaten at 5 g/min, for `type_1_glucose`; each is (minute, g of carbohydrate)."""
    return [_mouthful(*one) for one in _mouthfuls(meals)]


def _mouthful(minute: float, pace: float, is_first: bool) -> Intervention:
    mg = pace * 1000.0

    def reference(now: Now) -> Array | float:
        return (now("Q_sto1") + now("Q_sto2") if is_first else now("D")) + mg

    return Intervention(minute, {"eating": mg, "D": reference})


def _mouthfuls(meals: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float, bool]]:
    """(minute, g eaten in it, whether the meal begins) until nothing is left; a meal during a meal adds to it."""
    waiting = sorted(meals)
    left, minute = 0.0, 0.0
    while waiting or left > 0:
        is_first = left <= 0
        if is_first:
            minute = waiting[0][0]
        while waiting and waiting[0][0] <= minute:
            left += waiting.pop(0)[1]
        pace = min(EATING_RATE, left)
        left -= pace
        if left < 1e-9:
            left = 0.0
        yield minute, pace, is_first
        minute += 1.0
        if left == 0 and not (waiting and waiting[0][0] <= minute):
            yield minute, 0.0, False

"""Readings as they arrive: one JSON object a line, checked one by one.

``{"person": "A17", "metric": "glucose", "at": "2026-06-30T08:05:00+02:00", "value": 68, "unit": "mg/dL"}``; ``resting``
(no steps in that minute) may be added to heart rates, and is taken to be true where it lacks; ``posture`` (``lying``,
``sitting``, ``standing``) to any reading.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Literal

import orjson

from wearables.canonical import DETAILS, EARLIEST
from wearables.metrics import METRICS, unit_table

FUTURE_S = 300
"""A stamp further ahead of its arrival is a clock that is wrong."""

Posture = Literal["lying", "sitting", "standing"]
_POSTURES: dict[object, Posture] = {"lying": "lying", "sitting": "sitting", "standing": "standing"}

_REASONS = DETAILS | {
    "unknown_metric": "the metric is not one of the dictionary (wearables/metrics.py)",
    "clock_jump": "the time lies more than five minutes after the reading arrived; check the device's clock",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading.

    Attributes:
        person: whose it is, as the producer calls the person.
        at: seconds since 1970, UTC.
        offset_s: what the person's clock is ahead of UTC.
        value: in the metric's canonical unit.
        is_resting: no steps at that time.
        posture: how it was taken; None if that is not known.
    """

    person: str
    metric: str
    at: float
    offset_s: int
    value: float
    is_resting: bool
    posture: Posture | None = None

    @property
    def key(self) -> bytes:
        """What makes the same reading in another file the same."""
        text = f"{self.person}\x1f{self.metric}\x1f{self.at!r}\x1f{self.value!r}"
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Rejected:
    """A line that is no reading: why, and never its text."""

    line: int
    reason: str

    @property
    def detail(self) -> str:
        """What to do about it."""
        return _REASONS[self.reason]


def parse(content: bytes, received: float) -> tuple[list[Reading], list[Rejected]]:
    """Read the lines of a file.

    Args:
        content: UTF-8, one JSON object a line; blank lines are nothing.
        received: when the file arrived, seconds since 1970.
    """
    readings, rejected = [], []
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        found = _reading(line, received)
        if isinstance(found, Reading):
            readings.append(found)
        else:
            rejected.append(Rejected(number, found))
    return readings, rejected


def in_time(readings: Iterable[Reading]) -> list[Reading]:
    """The readings in the order in which they were taken; the order within a file does not matter."""
    return sorted(readings, key=lambda one: (one.at, one.person, one.metric, one.value))


def _reading(line: bytes, received: float) -> Reading | str:
    """The reading of a line, or why there is none."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "invalid_json"
    if not isinstance(row, dict) or not isinstance(row.get("person"), str) or not row["person"]:
        return "wrong_shape"
    moment = _moment(row.get("at"), received)
    posture = _POSTURES.get(row.get("posture")) if isinstance(row.get("posture"), str) else None
    number = _number(row.get("metric"), row.get("value"), row.get("unit"))
    if isinstance(moment, str):
        return moment
    if isinstance(number, str):
        return number
    return Reading(row["person"], row["metric"], *moment, number, row.get("resting", True) is True, posture)


def _moment(text: object, received: float) -> tuple[float, int] | str:
    """Seconds since 1970 and the zone's offset."""
    if not isinstance(text, str):
        return "wrong_shape"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return "invalid_time"
    offset = moment.utcoffset()
    if offset is None:
        return "time_without_zone"
    if moment.replace(tzinfo=None) < EARLIEST:
        return "implausible_time"
    at = moment.timestamp()
    return "clock_jump" if at > received + FUTURE_S else (at, int(offset.total_seconds()))


def _number(metric: object, value: object, unit: object) -> float | str:
    """The value in the metric's canonical unit."""
    if not isinstance(metric, str) or metric not in _canonical_units():
        return "unknown_metric"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "invalid_value"
    for above, upto, factor, shift in _conversions().get((metric, unit if isinstance(unit, str) else ""), ()):
        if above < value <= upto:
            return value * factor + shift
    return "unknown_unit"


@cache
def _canonical_units() -> dict[str, str]:
    return {one.name: one.unit for one in METRICS if one.kind != "category"}


@cache
def _conversions() -> dict[tuple[str, str], list[tuple[float, float, float, float]]]:
    found: dict[tuple[str, str], list[tuple[float, float, float, float]]] = {}
    for row in unit_table().to_pylist():
        key = (row["metric"], row["unit_src"])
        found.setdefault(key, []).append((row["above"], row["upto"], row["factor"], row["shift"]))
    return found

"""Rules on the heart rate at rest at night, against the person's own nights before."""

from __future__ import annotations

import statistics
from abc import abstractmethod
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from wearables.monitor.readings import Reading
from wearables.monitor.rule import Alarm, Rule, State

NIGHT_ENDS_S = 7 * 3600
"""Nights are the hours from midnight to seven (Alavi 2022)."""


class Nightly(Rule):
    """A rule on the mean heart rate at rest between midnight and seven of each night."""

    metric: str

    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """Collect the night; it is judged when a reading of a later hour shows that it is over."""
        local = datetime.fromtimestamp(reading.at + reading.offset_s, UTC)
        day, seconds = local.date().isoformat(), local.hour * 3600 + local.minute * 60 + local.second
        alarms: list[Alarm] = []
        open_night = state.get("night")
        if open_night is not None and (day > open_night or seconds >= NIGHT_ENDS_S):
            alarms = self._close(state, reading)
        if seconds < NIGHT_ENDS_S and reading.is_resting:
            state["night"] = day
            state["sum"] = state.get("sum", 0.0) + reading.value
            state["n"] = state.get("n", 0) + 1
            state.setdefault("began", reading.at)
        return alarms

    def _close(self, state: State, reading: Reading) -> list[Alarm]:
        day, mean, began = state.pop("night"), state.pop("sum") / state.pop("n"), state.pop("began")
        return self.judge(state, reading, date.fromisoformat(day), mean, began)

    @abstractmethod
    def judge(self, state: State, reading: Reading, night: date, mean: float, began: float) -> list[Alarm]:
        """Judge a night that is over."""


class NightSignal(Nightly):
    """Two nights in a row well above the median of all nights; a single missing night is the mean of its neighbours."""

    kind: Literal["night_signal"]
    yellow: float
    red: float
    whole_beats: bool = False
    """Cut mean and median to whole beats, as the authors' program does."""

    def judge(self, state: State, reading: Reading, night: date, mean: float, began: float) -> list[Alarm]:
        """One alarm per night that is yellow or red."""
        if self.whole_beats:
            mean = float(int(mean))
        nights: list[float] = state.setdefault("nights", [])
        last = state.get("last_night")
        missing = (night - date.fromisoformat(last)).days - 1 if last else 0
        if missing == 1:
            self._signal(state, (nights[-1] + mean) / 2)
        elif missing > 1:
            state["before"] = 0
        colour, baseline = self._signal(state, mean)
        state["last_night"] = night.isoformat()
        if not colour:
            return []
        evidence = {
            "night": night.isoformat(),
            "value": mean,
            "baseline": baseline,
            "nights": len(nights),
            "colour": "red" if colour == 2 else "yellow",
        }
        return self.raised(state, reading, began, evidence)

    def _signal(self, state: State, mean: float) -> tuple[int, float]:
        nights: list[float] = state["nights"]
        nights.append(mean)
        baseline = statistics.median(nights)
        if self.whole_beats:
            baseline = float(int(baseline))
        above = mean - baseline
        now = 2 if above >= self.red else 1 if above >= self.yellow else 0
        colour = min(now, state.get("before", 0))
        state["before"] = now
        return colour, baseline


class _Baseline(Nightly):
    """A rule on the robust z of a night against up to 28 nights before; nights of an alarm are no baseline."""

    least_nights: int
    floor: float

    def judge(self, state: State, reading: Reading, night: date, mean: float, began: float) -> list[Alarm]:
        """Compare with the nights before, then become one of them."""
        earliest = (night - timedelta(days=28)).isoformat()
        past: list[list[Any]] = [one for one in state.get("past", []) if one[0] >= earliest]
        values = [one[1] for one in past]
        alarms: list[Alarm] = []
        if len(values) >= self.least_nights:
            median = statistics.median(values)
            mad = statistics.median(abs(one - median) for one in values)
            z = 0.6745 * (mean - median) / max(mad, self.floor)
            evidence = {
                "night": night.isoformat(),
                "value": mean,
                "median": median,
                "mad": mad,
                "n": len(values),
                "z": z,
            }
            alarms = self.compare(state, reading, z, began, evidence)
        if not alarms and not state.get("active"):
            past.append([night.isoformat(), mean])
        state["past"] = past
        return alarms

    @abstractmethod
    def compare(self, state: State, reading: Reading, z: float, began: float, evidence: dict[str, Any]) -> list[Alarm]:
        """Decide on the z of a night."""


class Deviation(_Baseline):
    """One night far from the others; told again when it was nearer than ``clear`` in between."""

    kind: Literal["deviation"]
    most: float
    clear: float

    def compare(self, state: State, reading: Reading, z: float, began: float, evidence: dict[str, Any]) -> list[Alarm]:
        """Above or below."""
        if self.begins(state, is_out=abs(z) >= self.most, is_over=abs(z) < self.clear):
            return self.raised(state, reading, began, evidence)
        return []


class Cusum(_Baseline):
    """A small rise that lasts: the sum of what exceeds ``k`` reaches ``h``."""

    kind: Literal["cusum"]
    k: float
    h: float

    def compare(self, state: State, reading: Reading, z: float, began: float, evidence: dict[str, Any]) -> list[Alarm]:
        """The sum starts anew after an alarm."""
        total = max(0.0, state.get("total", 0.0) + z - self.k)
        if total < self.h:
            state["total"] = total
            return []
        state["total"] = 0.0
        return self.raised(state, reading, began, evidence | {"sum": total})

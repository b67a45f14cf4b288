"""Alarm rules: a reading and the state that the rule keeps of a person give a new state, and perhaps an alarm.

Rules are pure: the same readings in the same order give the same alarms, live or from history. States are plain dicts,
so that they can be stored as JSON. Readings of one person and metric come in the order of their times; one that is
older than the last is late and no rule sees it.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from wearables.monitor.readings import Reading

State = dict[str, Any]
NIGHT_ENDS_S = 7 * 3600
"""Nights are the hours from midnight to seven (Alavi 2022)."""
LONGEST_STEP_S = 300


@dataclass(frozen=True)
class Alarm:
    """An alarm and what it rests on.

    Attributes:
        began: when the state began that it is about, seconds since 1970: with person and rule it is the alarm's key.
        at: the reading that raised it.
        evidence: values and baseline behind it.
    """

    person: str
    rule: str
    severity: str
    began: float
    at: float
    evidence: dict[str, Any]

    @property
    def key(self) -> tuple[str, str, float]:
        """Two alarms with the same key are one."""
        return (self.person, self.rule, self.began)


class Rule(BaseModel):
    """What all rules have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str
    severity: Literal["notice", "warning", "urgent"]

    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """Take in a reading of one person; changes the state."""
        raise NotImplementedError

    def tick(self, state: State, person: str, now: float) -> list[Alarm]:
        """Look at the clock; most rules do not."""
        return []


class Threshold(Rule):
    """A value beyond an edge for a while; it is over when it was back for a while (``clear`` may lie further back)."""

    kind: Literal["threshold"]
    metric: str
    below: float | None = None
    above: float | None = None
    clear: float
    after: float
    end_after: float
    refractory: float = 0
    longest_gap: float = 1200

    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """A reading stands for the time since the one before it, at most five minutes."""
        if reading.metric != self.metric:
            return []
        last = state.get("last")
        gap = None if last is None else reading.at - last
        step = LONGEST_STEP_S if gap is None else min(gap, LONGEST_STEP_S)
        state["last"] = reading.at
        if gap is not None and gap > self.longest_gap:  # nothing is known of the time between
            state.pop("since", None)
            state.pop("back", None)
        is_out = reading.value < self.below if self.below is not None else reading.value > (self.above or 0)
        is_back = reading.value >= self.clear if self.below is not None else reading.value <= self.clear
        if is_out:
            state.pop("back", None)
            since = state.setdefault("since", reading.at)
            state["extreme"] = (
                min(reading.value, state.get("extreme", reading.value))
                if self.below is not None
                else max(reading.value, state.get("extreme", reading.value))
            )
            if not state.get("active") and reading.at - since + step >= self.after:
                state["active"] = True
                return self._fire(state, reading, since)
        elif is_back:
            if state.get("active"):
                back = state.setdefault("back", reading.at)
                if reading.at - back + step >= self.end_after:
                    state.pop("active")
                    state.pop("back")
            if not state.get("active"):
                state.pop("extreme", None)
            state.pop("since", None)
        return []

    def _fire(self, state: State, reading: Reading, since: float) -> list[Alarm]:
        fired = state.get("fired")
        if fired is not None and reading.at - fired < self.refractory:
            return []
        state["fired"] = reading.at
        edge = self.below if self.below is not None else self.above
        evidence = {
            "value": reading.value,
            "extreme": state["extreme"],
            "edge": edge,
            "minutes": (reading.at - since) / 60,
        }
        return [Alarm(reading.person, self.rule, self.severity, since, reading.at, evidence)]


class _Nightly(Rule):
    """A rule on the mean heart rate at rest between midnight and seven of each night."""

    metric: str

    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """Collect the night; it is judged when a reading of a later hour shows that it is over."""
        if reading.metric != self.metric:
            return []
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

    def tick(self, state: State, person: str, now: float) -> list[Alarm]:
        """Nights are closed by readings only, so that live and replayed alarms are the same."""
        return []

    def _close(self, state: State, reading: Reading) -> list[Alarm]:
        day, mean, began = state.pop("night"), state.pop("sum") / state.pop("n"), state.pop("began")
        return self.judge(state, reading, date.fromisoformat(day), mean, began)

    def judge(self, state: State, reading: Reading, night: date, mean: float, began: float) -> list[Alarm]:
        """Judge a night that is over."""
        raise NotImplementedError


class NightSignal(_Nightly):
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
        return [Alarm(reading.person, self.rule, self.severity, began, reading.at, evidence)]

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


class _Baseline(_Nightly):
    """A rule on the robust z of a night against up to 28 nights before; nights that raised an alarm are no baseline."""

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
        if not alarms:
            past.append([night.isoformat(), mean])
        state["past"] = past
        return alarms

    def compare(self, state: State, reading: Reading, z: float, began: float, evidence: dict[str, Any]) -> list[Alarm]:
        """Decide on the z of a night."""
        raise NotImplementedError


class Deviation(_Baseline):
    """One night far from the others."""

    kind: Literal["deviation"]
    most: float

    def compare(self, state: State, reading: Reading, z: float, began: float, evidence: dict[str, Any]) -> list[Alarm]:
        """Above or below."""
        if abs(z) < self.most:
            return []
        return [Alarm(reading.person, self.rule, self.severity, began, reading.at, evidence)]


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
        return [Alarm(reading.person, self.rule, self.severity, began, reading.at, evidence | {"sum": total})]


class Silence(Rule):
    """No reading of a person for a while: told by the clock, or by the reading that ends it."""

    kind: Literal["silence"]
    after: float

    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """A gap that nobody looked at while it lasted is an alarm all the same."""
        alarms = self._silent(state, reading.person, reading.at)
        state["last"] = max(reading.at, state.get("last", reading.at))
        return alarms

    def tick(self, state: State, person: str, now: float) -> list[Alarm]:
        """Look at the clock."""
        return self._silent(state, person, now)

    def _silent(self, state: State, person: str, now: float) -> list[Alarm]:
        last = state.get("last")
        if last is None or now - last < self.after or state.get("told") == last:
            return []
        state["told"] = last
        evidence = {"hours": self.after / 3600}
        return [Alarm(person, self.rule, self.severity, last, last + self.after, evidence)]


class ScoreRule(Rule):
    """An early warning score that is high whatever is missing: its lowest possible total reaches a level."""

    kind: Literal["score"]
    score: str
    level: int
    fresh: float
    refractory: float = 0

    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """Keep the last value of every parameter; older ones than ``fresh`` are missing, not normal."""
        from wearables.early_warning import load
        from wearables.monitor.points import total

        score = load(self.score)
        if reading.metric not in score.parameters:
            return []
        latest: dict[str, list[float]] = state.setdefault("latest", {})
        latest[reading.metric] = [reading.at, reading.value]
        values = {name: one[1] for name, one in latest.items() if reading.at - one[0] <= self.fresh}
        lowest, highest = total(self.score, values)
        if lowest < self.level:
            state.pop("since", None)
            return []
        since = state.setdefault("since", reading.at)
        fired = state.get("fired")
        if state.get("told") == since or (fired is not None and reading.at - fired < self.refractory):
            return []
        state["told"], state["fired"] = since, reading.at
        missing = sorted(set(score.parameters) - set(values))
        evidence = {"lowest_total": lowest, "highest_total": highest, "values": values, "missing": missing}
        return [Alarm(reading.person, self.rule, self.severity, since, reading.at, evidence)]


AnyRule = Threshold | NightSignal | Deviation | Cusum | Silence | ScoreRule


@cache
def declared() -> tuple[AnyRule, ...]:
    """The rules of ``rules.yaml``."""
    return load(Path(__file__).with_name("rules.yaml"))


def load(path: Path) -> tuple[AnyRule, ...]:
    """The rules of a file of the same form.

    Raises:
        ValueError: it does not have that form, or two rules have the same name.
    """
    found = TypeAdapter(list[AnyRule]).validate_python(yaml.safe_load(path.read_text()))
    names = [one.rule for one in found]
    if len(set(names)) != len(names):
        raise ValueError(f"{path.name}: two rules have the same name")
    return tuple(found)

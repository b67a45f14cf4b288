"""Rules on values of one metric: beyond an edge for a while, or beyond it for too large a share of the time."""

from __future__ import annotations

from typing import Literal

from wearables.monitor.readings import Reading
from wearables.monitor.rule import LONGEST_STEP_S, Alarm, Rule, State

DAY_S = 86_400


class Threshold(Rule):
    """A value beyond an edge for a while; it is over when it was back for a while (``clear`` may lie further back)."""

    kind: Literal["threshold"]
    metric: str
    below: float | None = None
    above: float | None = None
    clear: float
    after: float
    end_after: float
    longest_gap: float = 1200

    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """See how long the value has been beyond the edge."""
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
            worst = min if self.below is not None else max
            state["extreme"] = worst(reading.value, state.get("extreme", reading.value))
            if self.begins(state, is_out=reading.at - since + step >= self.after, is_over=False):
                evidence = {
                    "value": reading.value,
                    "extreme": state["extreme"],
                    "edge": self.below if self.below is not None else self.above,
                    "minutes": (reading.at - since) / 60,
                }
                return self.raised(state, reading, since, evidence)
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


class Burden(Rule):
    """A value beyond an edge for at least a share of the time that was analysed, over the last days.

    Time that nothing was measured in counts nowhere: the denominator is the time analysed, and there must be ``least``
    seconds of it.
    """

    kind: Literal["burden"]
    metric: str
    above: float
    share: float
    clear: float
    days: int
    least: float

    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """Add the reading's time to its day, in UTC, and judge the last days together."""
        last = state.get("last")
        state["last"] = reading.at
        if last is None:
            return []
        day = int(reading.at // DAY_S)
        days: dict[str, list[float]] = {
            one: times for one, times in state.get("days", {}).items() if int(one) > day - self.days
        }
        times = days.setdefault(str(day), [0.0, 0.0])
        step = min(reading.at - last, LONGEST_STEP_S)
        times[0] += step * (reading.value > self.above)
        times[1] += step
        state["days"] = days
        beyond, analysed = (sum(one[part] for one in days.values()) for part in (0, 1))
        if analysed < self.least:
            return []
        burden = beyond / analysed
        if self.begins(state, is_out=burden >= self.share, is_over=burden <= self.clear):
            evidence = {
                "value": 100 * burden,
                "edge": 100 * self.share,
                "minutes": beyond / 60,
                "analysed_minutes": analysed / 60,
            }
            return self.raised(state, reading, reading.at, evidence)
        return []

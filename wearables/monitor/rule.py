"""What every alarm rule is: a reading and the state that the rule keeps of a person give a new state, perhaps an alarm.

Rules are pure: the same readings in the same order give the same alarms, live or from history. States are plain dicts,
so that they can be stored as JSON. Readings of one person and metric come in the order of their times; one that is
older than the last is late and no rule sees it.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from wearables.monitor.readings import Reading

State = dict[str, Any]
LONGEST_STEP_S = 300
"""A reading stands for the time since the one before it, at most five minutes."""


@dataclass(frozen=True)
class Alarm:
    """An alarm and what it rests on.

    Attributes:
        began: when the state began that it is about, seconds since 1970: with person and rule it is the alarm's key.
        at: the reading that raised it.
        evidence: values and baseline behind it.
        age_s: freshness: how long before it was received that reading was taken; None in a replay of history.
        is_late: the reading took so long to arrive that the alarm speaks of the past.
    """

    person: str
    rule: str
    severity: str
    began: float
    at: float
    evidence: dict[str, Any]
    age_s: float | None = None
    is_late: bool = False

    @property
    def key(self) -> tuple[str, str, float]:
        """Two alarms with the same key are one."""
        return (self.person, self.rule, self.began)


class Rule(BaseModel):
    """What all rules have; a rule is not told again within ``refractory`` seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str
    severity: Literal["notice", "warning", "urgent"]
    refractory: float = 0

    def concerns(self, metric: str) -> bool:
        """Whether readings of a metric can change anything."""
        return metric == getattr(self, "metric", metric)

    @abstractmethod
    def step(self, state: State, reading: Reading) -> list[Alarm]:
        """Take in a reading of one person that concerns the rule; changes the state."""

    def tick(self, state: State, person: str, now: float) -> list[Alarm]:
        """Look at the clock; most rules do not, so that live and replayed alarms are the same.

        The state may change only where there is an alarm.
        """
        return []

    @classmethod
    def looks_at_the_clock(cls) -> bool:
        """Whether ``tick`` does anything."""
        return cls.tick is not Rule.tick

    def begins(self, state: State, *, is_out: bool, is_over: bool) -> bool:
        """Whether what the rule is about begins now: it does not begin again before it was over (hysteresis)."""
        if is_over:
            state.pop("active", None)
        if not is_out or state.get("active"):
            return False
        state["active"] = True
        return True

    def raised(self, state: State, reading: Reading, began: float, evidence: dict[str, Any]) -> list[Alarm]:
        """The alarm, unless the rule told of one a short while ago."""
        fired = state.get("fired")
        if fired is not None and reading.at - fired < self.refractory:
            return []
        state["fired"] = reading.at
        return [Alarm(reading.person, self.rule, self.severity, began, reading.at, evidence)]

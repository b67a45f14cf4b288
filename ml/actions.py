"""Actions as rules in data: which recommendation of which guideline speaks of whom, with grade and citation."""

from __future__ import annotations

import json
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from lake.files import read_yaml
from ml.features.build import Design
from ml.task import Task

RULE_DIR = Path(__file__).parent / "rules"
Rows = NDArray[np.bool_]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Condition(_Declared):
    """What a value must be; an unknown value fulfils nothing but ``unknown``."""

    from_: float | None = Field(default=None, alias="from")
    below: float | None = None
    equals: float | None = None
    unknown: bool = False

    @model_validator(mode="after")
    def _one(self) -> Condition:
        if self.unknown == any(one is not None for one in (self.from_, self.below, self.equals)):
            raise ValueError("a condition is from/below, equals, or unknown: true")
        return self

    def holds(self, values: NDArray[np.float64]) -> Rows:
        """Return where it holds (n,)."""
        if self.unknown:
            return np.isnan(values)
        with np.errstate(invalid="ignore"):
            found = ~np.isnan(values)
            if self.from_ is not None:
                found &= values >= self.from_
            if self.below is not None:
                found &= values < self.below
            return found & (values == self.equals) if self.equals is not None else found


class Rule(_Declared):
    """One recommendation.

    ``when``: feature, ``risk`` or ``equation_risk`` to condition, all of which must hold; under ``any`` at least one.
    ``checked``: whether the guideline or its issuer's summary was read (source), a summary by others (secondary), or
    the rule stands from memory and needs review.
    """

    id: str
    task: str
    version: str
    valid_from: date
    grade: str
    citation: str
    checked: Literal["source", "secondary", "memory"]
    text: str
    when: dict[str, Condition | dict[str, Condition]]

    @model_validator(mode="after")
    def _groups(self) -> Rule:
        for name, one in self.when.items():
            if isinstance(one, dict) != (name == "any"):
                raise ValueError(f"{self.id}: only 'any' holds a list of conditions, not {name!r}")
        return self

    @property
    def names(self) -> set[str]:
        """The values that the rule reads."""
        inner = self.when.get("any", {})
        return {name for name in self.when if name != "any"} | set(inner if isinstance(inner, dict) else ())


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """Return all shipped rules.

    Raises:
        ValueError: a rule is not valid, or two have one id.
    """
    found = [Rule.model_validate(one) for path in sorted(RULE_DIR.glob("*.yaml")) for one in read_yaml(path)]
    ids = [one.id for one in found]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise ValueError(f"rules with one id: {', '.join(twice)}")
    return tuple(found)


def recommended(
    task: Task, design: Design, risk: NDArray[np.float64], equation_risk: NDArray[np.float64], at: datetime
) -> list[str]:
    """Return per person the actions of the rules that are valid at ``at``, as JSON.

    Each has rule_id, text, grade, citation, guideline_version, checked, and ``because``: the values that fulfilled it,
    with the date each was observed.

    Raises:
        KeyError: a rule reads a feature that the task does not have.
    """
    rows = len(risk)
    known = {"risk": risk, "equation_risk": equation_risk}
    listed: list[list[dict[str, object]]] = [[] for _ in range(rows)]
    names = design.names
    for rule in rules():
        if rule.task != task.name or rule.valid_from > at.date():
            continue
        if unknown := sorted(rule.names - set(names) - set(known)):
            raise KeyError(f"rule {rule.id} reads {', '.join(unknown)}, which {task.name} does not have")
        values = {name: known[name] if name in known else design.column(name) for name in rule.names}
        holds = np.ones(rows, bool)
        for name, one in rule.when.items():
            if isinstance(one, dict):
                holds &= np.any([condition.holds(values[inner]) for inner, condition in one.items()], axis=0)
            else:
                holds &= one.holds(values[name])
        for row in np.flatnonzero(holds):
            listed[row].append(_told(rule, design, values, int(row)))
    return [json.dumps(one, ensure_ascii=False) for one in listed]


def _told(rule: Rule, design: Design, values: dict[str, NDArray[np.float64]], row: int) -> dict[str, object]:
    because = []
    for name in sorted(values):
        value = float(values[name][row])
        observed = design.event_at[row, design.names.index(name)] if name in design.names else np.datetime64("NaT")
        because.append(
            {
                "name": name,
                "value": None if np.isnan(value) else round(value, 4),
                "observed_at": None if np.isnat(observed) else str(np.datetime_as_string(observed, unit="D")),
            }
        )
    return {
        "rule_id": rule.id,
        "text": rule.text,
        "grade": rule.grade,
        "citation": rule.citation,
        "guideline_version": rule.version,
        "checked": rule.checked,
        "because": because,
    }

"""A scenario: dated interventions, as a user writes them; and a cohort, as a table or from people of the warehouse."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from simulation.models import catalogue
from simulation.people import Twin

PER_DAY = {"ms": 86_400_000.0, "s": 86_400.0, "min": 1_440.0, "h": 24.0, "day": 1.0}
"""Time units of the models in a day."""
KINDS = ("meal", "start", "change", "stop", "dose", "lifestyle", "set")


class BadScenario(ValueError):
    """A scenario or a cohort that cannot be used; the message names file, place and reason."""


class Happening(BaseModel):
    """One dated intervention, of exactly one kind.

    Attributes:
        at: a date or time (the scenario then has ``from``), or a number in the model's time unit.
        meal: carbohydrate, g.
        start, change, stop: a drug that is taken from here on, with ``mg`` a day; or with ``every`` so many hours,
            ``mg`` each time, where the model follows single doses.
        dose: a drug taken once, ``amount`` in the model's unit of it.
        lifestyle: what is changed, to ``value`` from here on; 0 ends it.
        set: any symbols of the model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: float | datetime | date
    meal: float | None = None
    start: str | None = None
    change: str | None = None
    stop: str | None = None
    dose: str | None = None
    lifestyle: str | None = None
    set: dict[str, float] | None = None
    mg: float | None = None
    amount: float | None = None
    every: float | None = Field(default=None, gt=0)
    value: float | None = None

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return next(name for name in KINDS if getattr(self, name) is not None)

    @property
    def what(self) -> Any:
        """The drug, meal, way of life or symbols."""
        return getattr(self, self.kind)

    @model_validator(mode="after")
    def _one_kind(self) -> Happening:
        kinds = [name for name in KINDS if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise ValueError(f"an intervention is one of {', '.join(KINDS)}; here are {', '.join(kinds) or 'none'}")
        needs = {"start": "mg", "change": "mg", "dose": "amount", "lifestyle": "value"}
        number = needs.get(kinds[0])
        if number and getattr(self, number) is None:
            raise ValueError(f"{kinds[0]} {self.what} needs {number}")
        for name in ("mg", "amount", "value"):
            if getattr(self, name) is not None and name != number:
                raise ValueError(f"{kinds[0]} takes no {name}")
        if self.every is not None and kinds[0] not in ("start", "change"):
            raise ValueError(f"{kinds[0]} takes no every")
        return self


class Scenario(BaseModel):
    """What happens, and for how long; numbers are in the model's time unit.

    Attributes:
        since: the date of time zero, written ``from`` in a file; interventions may then be dated.
        steps: reported intervals.
        step: largest step of the integration; the model's own where absent.
        variant: a variant of the model's card, such as ``type_2``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str
    duration: float = Field(gt=0)
    since: datetime | date | None = Field(default=None, alias="from")
    steps: int = Field(default=100, ge=1, le=100_000)
    step: float | None = Field(default=None, gt=0)
    variant: str | None = None
    interventions: tuple[Happening, ...] = ()

    def in_order(self, time_unit: str) -> list[tuple[float, Happening]]:
        """Interventions with their times in a model's unit, in order of time.

        Raises:
            BadScenario: a date without ``from``, or a time outside the scenario.
        """
        found = [(self._time(one.at, time_unit), one) for one in self.interventions]
        for at, one in found:
            if not 0 <= at <= self.duration:
                raise BadScenario(
                    f"{one.kind} at {one.at} is outside the scenario (0 to {self.duration:g} {time_unit})"
                )
        return sorted(found, key=lambda pair: pair[0])

    def _time(self, at: float | date, time_unit: str) -> float:
        if not isinstance(at, date):
            return float(at)
        if self.since is None:
            raise BadScenario(f"an intervention is dated {at}, but the scenario has no 'from: DATE'")
        start, end = (one if isinstance(one, datetime) else datetime(one.year, one.month, one.day)
                      for one in (self.since, at))  # fmt: skip
        return (end.replace(tzinfo=None) - start.replace(tzinfo=None)).total_seconds() / 86_400 * PER_DAY[time_unit]


def read_scenario(path: Path) -> Scenario:
    """Read a scenario's YAML.

    Raises:
        BadScenario: a field is wrong; the message names it.
    """
    try:
        return Scenario(**yaml.safe_load(path.read_text()))
    except (TypeError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadScenario(f"{path.name} is no mapping of fields: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(one) for one in first["loc"] if one not in ("float", "datetime", "date"))
        raise BadScenario(f"{path.name}, {place}: {first['msg'].removeprefix('Value error, ')}") from None


def read_cohort(path: Path) -> dict[str, dict[str, float]]:
    """Read a CSV with ``person_id`` and one column per parameter; an empty value is not known (NaN).

    Raises:
        BadScenario: no ``person_id``, the same person twice, or a value that is no number.
    """
    found: dict[str, dict[str, float]] = {}
    with path.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        if "person_id" not in (reader.fieldnames or ()):
            raise BadScenario(f"{path.name}, line 1: no column person_id")
        for number, row in enumerate(reader, 2):
            person = row.pop("person_id")
            if person in found:
                raise BadScenario(f"{path.name}, line {number}: a person stands here twice")
            try:
                found[person] = {name: float(value) if value else float("nan") for name, value in row.items()}
            except (TypeError, ValueError):
                raise BadScenario(f"{path.name}, line {number}: a value is no number") from None
    if not found:
        raise BadScenario(f"{path.name} holds nobody")
    return found


def of_twins(model: str, twins: Sequence[Twin]) -> dict[str, dict[str, float]]:
    """A cohort from what is known of people, by the model's card: what was never measured is NaN.

    A person with the diagnosis of a variant has its parameters.

    Raises:
        BadScenario: the card does not say what the model takes of a person.
    """
    card = catalogue.card(model)
    if not card.twin:
        raise BadScenario(f"{model} takes nothing of a person; give a cohort of parameters instead")
    cohort = {one.person_id: {name: one.inputs.get(key, np.nan) for name, key in card.twin.items()} for one in twins}
    for variant, condition in card.variant_if.items():
        for name in set(card.variants[variant]) - set(card.twin):
            for one in twins:
                value = card.variants[variant][name] if one.has(condition) else catalogue.default(model, name)
                cohort[one.person_id][name] = value
    return cohort

"""A scenario for a cohort: what is changed when, and what every person's outcomes were. Nobody is dropped."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulation.engine.course import Array, Course
from simulation.engine.intervention import Intervention
from simulation.engine.vectorised import simulate
from simulation.meals import meals
from simulation.models import catalogue
from simulation.people import Twin


class BadScenario(ValueError):
    """A scenario or a cohort that cannot be used; the message names file, place and reason."""


class Meal(BaseModel):
    """Carbohydrate in g at a time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: float = Field(ge=0)
    grams: float


class Change(BaseModel):
    """Values of symbols set at a time, for everyone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: float = Field(ge=0)
    set: dict[str, float]


class Scenario(BaseModel):
    """What happens, in the model's time unit.

    Attributes:
        step: largest step of the integration.
        variant: a variant of the model's card, such as ``type_2``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    duration: float = Field(gt=0)
    steps: int = Field(ge=1, le=100_000)
    step: float = Field(gt=0)
    variant: str | None = None
    meals: tuple[Meal, ...] = ()
    changes: tuple[Change, ...] = ()

    def interventions(self) -> list[Intervention]:
        """All interventions in order.

        Raises:
            BadScenario: a meal that nobody eats.
        """
        try:
            eaten = meals((one.at, one.grams) for one in self.meals)
        except ValueError as error:
            raise BadScenario(str(error)) from None
        return sorted([*eaten, *(Intervention(one.at, dict(one.set)) for one in self.changes)], key=lambda one: one.at)


@dataclass(frozen=True)
class Row:
    """One outcome of one person: smallest, mean, largest and last value over the scenario."""

    person_id: str
    scenario: str
    outcome: str
    unit: str
    status: str
    reason: str
    is_extrapolated: bool
    smallest: float | None
    mean: float | None
    largest: float | None
    last: float | None
    model: str
    model_sha256: str


def read_scenario(path: Path) -> Scenario:
    """Read a scenario's YAML.

    Raises:
        BadScenario: a field is wrong; the message names it.
    """
    try:
        return Scenario(**yaml.safe_load(path.read_text()))
    except (TypeError, yaml.YAMLError) as error:
        raise BadScenario(f"{path.name} is no mapping of fields: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BadScenario(f"{path.name}, {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


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


def run(model: str, cohort: dict[str, dict[str, float]], scenario: Scenario) -> list[Row]:
    """Simulate a cohort; one row per person and outcome of the model's card.

    A person whose inputs are missing, or whose solve leaves the finite numbers, has rows with status ``failed``.

    Raises:
        KeyError: no such model, variant or parameter.
        BadScenario: an impossible intervention.
    """
    card = catalogue.card(model)
    if scenario.variant is not None and scenario.variant not in card.variants:
        raise KeyError(f"no variant {scenario.variant!r}; there are {', '.join(card.variants) or 'none'}")
    base: dict[str, Array | float] = dict(card.variants.get(scenario.variant or "", {}))
    names = sorted({name for values in cohort.values() for name in values})
    columns = {name: np.array([values.get(name, np.nan) for values in cohort.values()]) for name in names}
    found = simulate(
        catalogue.compiled(model),
        Course(scenario.duration, scenario.steps, tuple(card.outputs)),
        len(cohort),
        base | columns,
        scenario.interventions(),
        step=scenario.step,
    )
    rows = []
    for number, (person, values) in enumerate(cohort.items()):
        missing = sorted(name for name in names if np.isnan(values.get(name, np.nan)))
        outside = card.extrapolated(values)
        for outcome, unit in card.outputs.items():
            course = found[outcome][:, number]
            is_solved = bool(np.isfinite(course).all()) and not missing and not _impossible(values)
            reason = f"not known: {', '.join(missing)}" if missing else "; ".join(outside)
            if not is_solved and not reason:
                reason = "the solution left the finite numbers"
            rows.append(
                Row(
                    person_id=person,
                    scenario=scenario.name,
                    outcome=outcome,
                    unit=unit,
                    status="ok" if is_solved else "failed",
                    reason=reason,
                    is_extrapolated=bool(outside),
                    smallest=float(course.min()) if is_solved else None,
                    mean=float(course.mean()) if is_solved else None,
                    largest=float(course.max()) if is_solved else None,
                    last=float(course[-1]) if is_solved else None,
                    model=model,
                    model_sha256=catalogue.sha256(model),
                )
            )
    return rows


def _impossible(values: dict[str, float]) -> bool:
    """A negative size or amount is no person; only changes of intake may be below zero."""
    return any(value < 0 for name, value in values.items() if not name.startswith("d"))

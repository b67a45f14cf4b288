"""What a scenario does to people: an ensemble each, over what is not known of them. Nobody is dropped."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulation.engine.course import Array, Course
from simulation.engine.vectorised import simulate
from simulation.models import catalogue
from simulation.models.catalogue import Card
from simulation.people import Twin
from simulation.personal.weights import quantiles
from simulation.pharmacology import exposure as pharmacology
from simulation.plan import plan
from simulation.scenario import Happening, Scenario, of_twins
from simulation.treatment import layers
from simulation.treatment.compare import Dose, Option, exclusions

MEMBERS = 10
LEVELS = (0.05, 0.5, 0.95)
ENGINE = "generated equations, fixed-step RK4"
Cohort = Mapping[str, Mapping[str, float]]
"""person → parameter → value; NaN where it is not known."""
MEASURES: dict[str, Callable[[Array], Array]] = {
    "smallest": lambda y: y.min(axis=0),
    "mean": lambda y: y.mean(axis=0),
    "largest": lambda y: y.max(axis=0),
    "last": lambda y: y[-1],
    "change of": lambda y: y[-1] - y[0],
}
"""What is taken of a course, shape (times, people, members)."""


@dataclass(frozen=True)
class Outcome:
    """What is told of a scenario: a reported symbol, a measure of `MEASURES`, and its name."""

    name: str
    symbol: str
    measure: str


@dataclass(frozen=True)
class Standard:
    """A scenario that every build runs."""

    model: str
    horizon: str
    scenario: Scenario
    outcomes: tuple[Outcome, ...]


_GLUCOSE = (Outcome("largest glucose", "G", "largest"), Outcome("mean glucose", "G", "mean"))
SCENARIOS = (
    *(
        Standard(
            "meal_glucose",
            "6 h",
            Scenario(
                name=f"a meal of {grams} g", duration=360, steps=72, interventions=(Happening(at=0.0, meal=grams),)
            ),
            _GLUCOSE,
        )
        for grams in (75, 40)
    ),
    Standard(
        "body_weight",
        "1 year",
        Scenario(
            name="300 kcal a day less",
            duration=365,
            steps=12,
            interventions=(Happening(at=0.0, lifestyle="energy_kcal_per_day", value=-300),),
        ),
        (Outcome("change of weight", "BW", "change of"),),
    ),
    Standard(
        "risk_factors",
        "5 years",
        Scenario(
            name="atorvastatin 20 mg, and losartan 50 mg from the fourth month",
            duration=1826,
            steps=20,
            step=5,
            interventions=(
                Happening(at=0.0, start="atorvastatin", mg=20),
                Happening(at=91.0, start="losartan", mg=50),
            ),
        ),
        (
            Outcome("change of systolic pressure", "SBP", "change of"),
            Outcome("change of LDL", "LDL", "change of"),
            Outcome("major vascular events avoided", "avoided", "last"),
        ),
    ),
)


@dataclass(frozen=True)
class Result:
    """Rows of `tables.SIM_SUMMARY`; courses: symbol → shape (times, people, members)."""

    rows: list[dict[str, Any]]
    people: tuple[str, ...]
    times: Array
    courses: dict[str, Array]

    def traces(self, card: Card) -> list[dict[str, Any]]:
        """Quantiles over members of every person, outcome and reported time."""
        found = []
        for symbol, course in self.courses.items():
            with warnings.catch_warnings(action="ignore"):  # of a person who could not be simulated nothing is told
                told = np.nanquantile(np.where(np.isfinite(course), course, np.nan), LEVELS, axis=2)
            for number, person in enumerate(self.people):
                about = {"person_id": person, "outcome": symbol, "unit": card.outputs.get(symbol, "")}
                found += [
                    about | {"time": float(t), "time_unit": card.time_unit, "p05": a, "p50": b, "p95": c}
                    for t, (a, b, c) in zip(self.times, told[:, :, number].T.tolist(), strict=True)
                ]
        return found


def run(
    model: str, cohort: Cohort, scenario: Scenario, *, twins: Sequence[Twin] = (), members: int = MEMBERS,
    outcomes: Sequence[Outcome] = (), horizon: str = "", seed: int = 1,
) -> Result:  # fmt: skip
    """Simulate a cohort; per person and outcome p05, p50 and p95 over members.

    Members differ in what is not known of a person (the card's ``spread``); one member is the person as given.
    Status: ``ok``; ``failed`` (an input is missing or impossible, or the solution left the finite numbers);
    ``excluded`` (a hard rule forbids this person a drug of the scenario). The reason stands beside it; extrapolation
    is flagged.

    Args:
        twins: the people of the cohort, where they are known: their exclusions, and exposures by genotype, kidneys
            and other drugs, are then regarded.
        outcomes: what is told; smallest, mean, largest and last of the card's outputs where nothing is said.

    Raises:
        KeyError: no such model, variant or parameter.
        BadScenario: the model does not take an intervention, or it is impossible.
    """
    card = catalogue.card(model)
    if scenario.variant is not None and scenario.variant not in card.variants:
        raise KeyError(f"no variant {scenario.variant!r}; there are {', '.join(card.variants) or 'none'}")
    outcomes = tuple(outcomes) or _everything(card)
    names = sorted({name for values in cohort.values() for name in values})
    known = {name: np.array([values.get(name, np.nan) for values in cohort.values()]) for name in names}
    flat = _drawn(card, scenario, known, len(cohort), members, of_people=bool(twins), seed=seed)
    planned = plan(card, scenario, _every(model, flat, len(cohort) * members), _ratios(card, scenario, twins, members))
    course = Course(scenario.duration, scenario.steps, tuple(dict.fromkeys(one.symbol for one in outcomes)))
    found = simulate(
        catalogue.compiled(model), course, len(cohort) * members, {**planned.before, **flat}, planned.interventions,
        step=scenario.step or card.step, settle=card.settle,
    )  # fmt: skip
    courses = {name: one.reshape(len(one), len(cohort), members) for name, one in found.items()}
    forbidden = [_forbidden(one, planned.taken, card.takes.table) for one in twins] or [""] * len(cohort)
    shared = {
        "scenario": scenario.name,
        "horizon": horizon or f"{scenario.duration:g} {card.time_unit}",
        "engine": ENGINE,
        "model": model,
        "model_sha256": catalogue.sha256(model),
        "param_source": f"own: {', '.join(card.twin if twins else names)}; prior: {', '.join(card.spread) or 'none'}",
        "credibility": card.credibility,
        "n_members": members,
    }
    rows = []
    for outcome in outcomes:
        per_member = MEASURES[outcome.measure](courses[outcome.symbol])
        about = {**shared, "outcome": outcome.name, "unit": card.outputs.get(outcome.symbol, "")}
        for number, (person, values) in enumerate(cohort.items()):
            outside = card.extrapolated(values)
            wrong = _wrong(values, names, card.twin if twins else {})
            told, status, reason = _told(per_member[number], wrong, forbidden[number], outside)
            failed = 0 if wrong else int((~np.isfinite(per_member[number])).sum())
            row = {"person_id": person, "status": status, "reason": reason, "is_extrapolated": bool(outside)}
            rows.append(about | row | {"n_failed": failed} | dict(zip(("p05", "p50", "p95"), told, strict=True)))
    return Result(rows, tuple(cohort), course.times, courses)


def standard(one: Standard, twins: Sequence[Twin]) -> Result:
    """A scenario of every build, for people of the warehouse."""
    cohort = of_twins(one.model, twins)
    return run(one.model, cohort, one.scenario, twins=twins, outcomes=one.outcomes, horizon=one.horizon)


def _everything(card: Card) -> tuple[Outcome, ...]:
    measures = ("smallest", "mean", "largest", "last")
    return tuple(Outcome(f"{measure} {symbol}", symbol, measure) for symbol in card.outputs for measure in measures)


def _drawn(
    card: Card, scenario: Scenario, known: Mapping[str, Array], people: int, members: int, *, of_people: bool, seed: int
) -> dict[str, Array]:
    """Parameters of every member, shape (people * members,)."""
    generator = np.random.default_rng(seed)
    base = dict(card.variants.get(scenario.variant or "", {}))
    found = {name: np.full((people, members), value) for name, value in base.items()}
    found |= {name: np.repeat(value[:, None], members, axis=1) for name, value in known.items()}
    given = set(card.twin) if of_people else set(known)
    for name, spread in card.spread.items():
        if members > 1 and name not in given:
            usual = found.get(name, catalogue.default(card.name, name))
            found[name] = usual * np.exp(spread * generator.standard_normal((people, members)))
    return {name: value.reshape(-1) for name, value in found.items()}


def _every(model: str, flat: Mapping[str, Array], people: int) -> Mapping[str, Array]:
    """All constants of everyone, given or default."""
    compiled = catalogue.compiled(model)
    usual = zip(compiled.constants, compiled.defaults, strict=True)
    return {name: np.full(people, value) for name, value in usual} | dict(flat)


def _ratios(card: Card, scenario: Scenario, twins: Sequence[Twin], members: int) -> dict[str, Array]:
    """Drug → AUC ratio of every member, by genotype, kidneys and what else is taken."""
    wanted = {str(one.what) for one in scenario.interventions if one.kind in ("start", "dose")}
    found = {}
    for drug in wanted & set(pharmacology.drugs()) if twins and card.takes.doses else ():
        ratios = [
            pharmacology.exposure(
                drug,
                {gene: name for gene, name in one.person.phenotypes.items() if name in pharmacology.ACTIVITY},
                [other for other in one.person.medications if other in pharmacology.drugs() and other != drug],
                gfr=one.person.gfr,
            ).ratio
            for one in twins
        ]
        found[drug] = np.repeat(np.array(ratios), members)
    return found


def _forbidden(twin: Twin, taken: Sequence[Mapping[str, float]], is_measured: bool) -> str:
    """Why a person must not take the drugs of a scenario; empty if nothing forbids it.

    Args:
        is_measured: what the drugs change is measured under current care: who takes one already cannot start it.
    """
    reasons: dict[str, None] = {}
    for drugs in taken:
        if is_measured:
            reasons |= {f"{drug}: is taken already": None for drug in drugs if drug in twin.person.medications}
        doses = tuple(Dose(drug=drug, mg=mg) for drug, mg in drugs.items() if drug in layers.effects()["drugs"])
        reasons |= dict.fromkeys(exclusions(twin.person, Option(name="scenario", drugs=doses)))
    return "; ".join(reasons)


def _wrong(values: Mapping[str, float], names: Sequence[str], known_as: Mapping[str, str]) -> str:
    """What is missing of a person, or cannot be: a negative size or amount is no person."""
    missing = [known_as.get(name, name) for name in names if np.isnan(values.get(name, np.nan))]
    if missing:
        return f"not known: {', '.join(missing)}"
    # only changes of intake may be below zero
    impossible = [f"{name} {value:g}" for name, value in values.items() if value < 0 and not name.startswith("d")]
    return f"impossible: {', '.join(impossible)}" if impossible else ""


def _told(
    members: Array, wrong: str, forbidden: str, outside: Sequence[str]
) -> tuple[Sequence[float | None], str, str]:  # fmt: skip
    good = members[np.isfinite(members)]
    if wrong or not len(good):
        return (None, None, None), "failed", wrong or "the solution left the finite numbers"
    if forbidden:
        return (None, None, None), "excluded", forbidden
    told = quantiles(good[None, :], np.full(len(good), 1 / len(good)), LEVELS)[:, 0]
    return told.tolist(), "ok", "; ".join(outside)

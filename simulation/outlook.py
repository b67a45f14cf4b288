"""What a scenario would do to people of the warehouse: an ensemble each, over what is not known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulation.engine.course import Array, Course
from simulation.engine.vectorised import simulate
from simulation.meals import meals
from simulation.models import catalogue
from simulation.people import Twin
from simulation.personal.weights import quantiles

MEMBERS = 10
ENGINE = "generated equations, fixed-step RK4"


@dataclass(frozen=True)
class Scenario:
    """Something that is done to everyone.

    Attributes:
        horizon: for how long, in words.
        outcomes: name → (reported symbol, what is taken of its course, unit).
        spread: parameter → standard deviation of its logarithm between people, for what is not measured.
        fixed: parameters that the scenario sets.
    """

    name: str
    model: str
    horizon: str
    duration: float
    step: float
    steps: int
    outcomes: dict[str, tuple[str, str, str]]
    spread: dict[str, float]
    fixed: dict[str, float]
    grams: float = 0.0


_GLUCOSE = {"largest glucose": ("G", "max", "mg/dL"), "mean glucose": ("G", "mean", "mg/dL")}
_UNKNOWN = {"k_abs": 0.2, "k_p3": 0.25, "V_mX": 0.25, "K": 0.25, "beta": 0.25}
"""Between-person spread of absorption, insulin action and secretion (Dalla Man 2007: CV 20 to 40 %)."""
SCENARIOS = (
    Scenario("a meal of 75 g", "meal_glucose", "6 h", 360, 1.0, 72, _GLUCOSE, _UNKNOWN, {}, 75.0),
    Scenario("a meal of 40 g", "meal_glucose", "6 h", 360, 1.0, 72, _GLUCOSE, _UNKNOWN, {}, 40.0),
    Scenario(
        "300 kcal a day less",
        "body_weight",
        "1 year",
        365,
        1.0,
        12,
        {"change of weight": ("BW", "change", "kg")},
        {"PAL": 0.1},
        {"dEI": -300.0},
    ),
)
_TAKEN = {"max": lambda y: y.max(axis=0), "mean": lambda y: y.mean(axis=0), "change": lambda y: y[-1] - y[0]}


def rows(scenario: Scenario, twins: Sequence[Twin], seed: int = 1) -> tuple[list[dict[str, Any]], Array]:
    """Rows of `tables.SIM_SUMMARY`, and the first outcome's course of every member, shape (times, people, members)."""
    card = catalogue.card(scenario.model)
    values, missing = _inputs(scenario, twins)
    generator = np.random.default_rng(seed)
    shape = (len(twins), MEMBERS)
    for name, spread in scenario.spread.items():
        usual = values.get(name, np.float64(catalogue.default(scenario.model, name)))
        values[name] = np.broadcast_to(usual, shape) * np.exp(spread * generator.standard_normal(shape))
    flat = {name: np.broadcast_to(value, shape).reshape(-1) for name, value in values.items()}
    symbols = tuple({symbol for symbol, _, _ in scenario.outcomes.values()})
    found = simulate(
        catalogue.compiled(scenario.model),
        Course(scenario.duration, scenario.steps, symbols),
        len(twins) * MEMBERS,
        flat,
        meals([(0.0, scenario.grams)]) if scenario.grams else [],
        step=scenario.step,
    )
    courses = {name: one.reshape(len(one), *shape) for name, one in found.items()}
    rows = []
    for outcome, (symbol, taken, unit) in scenario.outcomes.items():
        per_member = _TAKEN[taken](courses[symbol])
        for number, twin in enumerate(twins):
            good = np.isfinite(per_member[number])
            outside = card.extrapolated({name: float(np.ravel(value[number])[0]) for name, value in values.items()})
            is_ok = bool(good.any()) and not missing[number]
            told: list[float | None] = [None] * 3
            if is_ok:
                even = np.full(good.sum(), 1 / good.sum())
                told = quantiles(per_member[number][good][None, :], even, (0.05, 0.5, 0.95))[:, 0].tolist()
            rows.append(
                {
                    "person_id": twin.person_id,
                    "scenario": scenario.name,
                    "outcome": outcome,
                    "unit": unit,
                    "horizon": scenario.horizon,
                    **dict(zip(("p05", "p50", "p95"), told, strict=True)),
                    "n_members": MEMBERS,
                    "n_failed": 0 if missing[number] else int((~good).sum()),
                    "status": "ok" if is_ok else "failed",
                    "reason": missing[number]
                    or ("; ".join(outside) if is_ok else "the solution left the finite numbers"),
                    "is_extrapolated": bool(outside),
                    "engine": ENGINE,
                    "model": scenario.model,
                    "model_sha256": catalogue.sha256(scenario.model),
                    "param_source": "own: " + ", ".join(card.twin) + "; prior: " + ", ".join(scenario.spread),
                    "credibility": card.credibility,
                }
            )
    return rows, courses[symbols[0]]


def _inputs(scenario: Scenario, twins: Sequence[Twin]) -> tuple[dict[str, Array], list[str]]:
    """Parameters of shape (people, 1), and what is not known of each person."""
    card = catalogue.card(scenario.model)
    values = {
        name: np.array([twin.inputs.get(source, np.nan) for twin in twins])[:, None]
        for name, source in card.twin.items()
    }
    missing = [", ".join(source for source in card.twin.values() if source not in twin.inputs) for twin in twins]
    for variant, condition in card.variant_if.items():
        has = np.array([twin.has(condition) for twin in twins])[:, None]
        for name, value in card.variants[variant].items():
            if name not in card.twin:
                values[name] = np.where(has, value, catalogue.default(scenario.model, name))
    for name, value in scenario.fixed.items():
        values[name] = np.full((len(twins), 1), value)
    return values, [f"not known: {one}" if one else "" for one in missing]

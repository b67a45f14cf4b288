"""A person's own course of a disease marker: fitted to what was measured, carried on, held against what came.

A course is a level and a slope. Slopes come from a prior of other people; the person's own measurements weight a shared
ensemble (tempered importance weights). Of the measurements only sums enter, so new data are added to the old sums and
nothing is read twice. Where a person has too few, the prior stays, and the row says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from lake.files import read_yaml
from simulation.engine.course import Array
from simulation.people import Twin
from simulation.personal.weights import effective_size, quantiles, tempered
from simulation.treatment import layers

MODEL = "personal_course"
CREDIBILITY = "held against later measurements of the same people: see the rows with is_backtest"
LEVELS = (0.05, 0.5, 0.95)
MEMBERS = 400
FEWEST = 3
"""Measurements, over at least a year, from which a slope is fitted."""
SMALLEST = 60.0
"""Effective members below which the likelihood is tempered."""
HORIZONS = (1.0, 3.0, 5.0)
BACKTEST_YEARS = 3
_FILE = Path(__file__).parent / "courses.yaml"

_SUMS = """
    with
        cut as (select $until::timestamp as at_time),
        known as (
            select person_id, concept, value_std as y, date_diff('day', at_time, event_at) / 365.25 as t
            from core.twin_measurement, cut
            where person_id in (select unnest($people)) and concept in (select unnest($concepts))
                and value_std is not null and event_at is not null and op <> 'retract'
                and event_at <= at_time and known_at <= at_time and (superseded_at is null or superseded_at > at_time)
        ),
        later as (
            select person_id, concept, count(*) as n, avg(value_std) as y,
                avg(date_diff('day', at_time, event_at) / 365.25) as t
            from core.twin_measurement, cut
            where person_id in (select unnest($people)) and concept in (select unnest($concepts))
                and value_std is not null and op <> 'retract' and superseded_at is null and event_at > at_time
            group by person_id, concept
        )
    select known.person_id, known.concept, count(*), sum(known.t), sum(known.t * known.t), sum(known.y),
        sum(known.t * known.y), sum(known.y * known.y), max_by(known.y, known.t),
        any_value(later.n), any_value(later.y), any_value(later.t)
    from known left join later using (person_id, concept)
    group by known.person_id, known.concept
    order by known.person_id, known.concept
"""


@dataclass(frozen=True)
class Sums:
    """What measurements of one outcome of a person add up to; time in years from the cut-off.

    Two sets over the same cut-off are added where new data arrive: the fit to the sum is the fit to all of them.
    """

    n: int
    t: float
    tt: float
    y: float
    ty: float
    yy: float
    last: float

    def __add__(self, newer: Sums) -> Sums:
        return Sums(
            self.n + newer.n, self.t + newer.t, self.tt + newer.tt, self.y + newer.y, self.ty + newer.ty,
            self.yy + newer.yy, newer.last,
        )  # fmt: skip

    @property
    def spread(self) -> float:
        """Sum of squared distances in time from their mean, years squared."""
        return max(self.tt - self.t**2 / self.n, 0.0)


@dataclass(frozen=True)
class Course:
    """A fitted course: members of level (at the mean time of the measurements) and slope, and their weights."""

    status: str
    reason: str
    at: float
    level: Array
    slope: Array
    weights: Array
    temper: float
    noise: Array

    def after(self, years: Sequence[float] | Array, *, measured: int | None = None, within: float = 0.0) -> Array:
        """Members at these years, shape (years, members); with ``measured``, the mean of so many measurements."""
        values = self.level + self.slope * (np.asarray(years)[:, None] - self.at)
        return values if measured is None else values + within / np.sqrt(measured) * self.noise

    def quantiles(self, values: Array) -> Array:
        """p05, p50, p95 over members, shape (3, years)."""
        return quantiles(values, self.weights, LEVELS)


@cache
def outcomes() -> dict[str, dict[str, Any]]:
    """The table of outcomes, slopes and alternatives."""
    found: dict[str, dict[str, Any]] = read_yaml(_FILE)
    return found


@cache
def sha256() -> str:
    """Identity of the model: digest of its table."""
    return hashlib.sha256(_FILE.read_bytes()).hexdigest()


def sums(
    connection: duckdb.DuckDBPyConnection, people: Sequence[str], until: datetime
) -> Iterator[tuple[str, str, Sums, tuple[int, float, float] | None]]:
    """Per person and outcome: sums of what was known at a moment, and number, mean and mean time of what came later."""
    given = {"people": list(people), "concepts": list(outcomes()), "until": until}
    for person, concept, *rest in connection.execute(_SUMS, given).fetchall():
        later = None if rest[7] is None else (int(rest[7]), float(rest[8]), float(rest[9]))
        yield person, concept, Sums(int(rest[0]), *(float(one) for one in rest[1:7])), later


def fit(outcome: str, found: Sums, conditions: Sequence[str] = (), *, members: int = MEMBERS) -> Course:
    """Weight the shared ensemble of an outcome by a person's sums."""
    about = outcomes()[outcome]
    middle, spread = next((v for k, v in about.get("slope_if", {}).items() if k in conditions), about["slope"])
    within = about["within"]
    z = _ensemble(members)
    # The level is drawn around the mean of what was measured, twice as wide as that tells it.
    level = found.y / found.n + 2 * within / np.sqrt(found.n) * z[0]
    slope = middle + spread * z[1]
    at = found.t / found.n
    even = np.full(members, 1 / members)
    if found.n < FEWEST or found.spread < 0.5:
        level = found.y / found.n + within / np.sqrt(found.n) * z[0]
        return Course("prior", f"{found.n} measurements, too few or too close", at, level, slope, even, 0.0, z[2])
    mean, crossed = found.y / found.n, found.ty - found.t * found.y / found.n
    squares = found.yy - found.y**2 / found.n + found.n * (mean - level) ** 2
    likelihood = -(squares + slope**2 * found.spread - 2 * slope * crossed) / (2 * within**2)
    weights, temper = tempered(likelihood, SMALLEST, offset=z[0] ** 2 / 2)
    return Course("fitted", "", at, level, slope, weights, temper, z[2])


def parameters(one: Course) -> dict[str, tuple[float, float, float]]:
    """p05, p50, p95 of level and slope."""
    found = one.quantiles(np.stack([one.level, one.slope]))
    return {name: (float(a), float(b), float(c)) for name, (a, b, c) in zip(("level", "slope"), found.T, strict=True)}


def effective(one: Course) -> float:
    """Effective sample size of the weights."""
    return effective_size(one.weights)


def alternatives(outcome: str, twin: Twin) -> Iterator[tuple[str, dict[str, Any]]]:
    """Alternatives to current care that are open to a person."""
    for name, about in outcomes()[outcome].get("alternatives", {}).items():
        gfr = twin.inputs.get("egfr")
        if "only" in about and not twin.has(about["only"]):
            continue
        if set(about.get("unless", ())) & set(twin.person.medications):
            continue
        if gfr is not None and gfr < about.get("gfr_from", 0):
            continue
        yield name, about


def under(one: Course, values: Array, years: Sequence[float] | Array, about: dict[str, Any]) -> Array:
    """Members under an alternative that begins now (year zero); its effect is as unsure as its source says."""
    if "law" in about:
        drug, mg = about["law"]
        return np.asarray(values - layers.pressure_fall(drug, mg, values))
    low, high = about["range"]
    kind = next(name for name in ("level", "factor", "slope") if name in about)
    effect = about[kind] + (high - low) / (2 * 1.959964) * one.noise
    if kind == "level":
        return np.asarray(values + effect)
    return np.asarray(values * effect if kind == "factor" else values + effect * np.asarray(years)[:, None])


@cache
def _ensemble(members: int) -> Array:
    """Level, slope and noise of the members, shape (3, members): the same for everyone."""
    found = np.random.default_rng(20_26).standard_normal((3, members))
    return (found - found.mean(axis=1, keepdims=True)) / found.std(axis=1, keepdims=True)

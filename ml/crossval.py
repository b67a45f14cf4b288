"""Judge candidates on a survival table by the project's own training: folds by person, sites out, later entrants."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml import evaluate
from ml.evaluate import Metric, Outcome
from ml.follow_up import BadCohort
from ml.models import discrete
from ml.models.fitted import Fitted, Sample, fit, margins
from ml.survival_table import Cohort
from ml.task import ModelSpec

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]
_FOLLOWED = 0.005
"""Share of people who must still be followed where a risk is judged."""
ENOUGH_EVENTS = 100
"""Events below which a subgroup's figures are not printed (reference/ml.md 4.4)."""


@dataclass(frozen=True)
class Judged:
    """One candidate at one horizon.

    Attributes:
        horizon: as the spec says it; ``assessed_days`` is earlier where nobody was followed that long.
        design: ``folds``, ``site`` or ``split``: who was predicted by a model that did not see them.
        metrics: over everyone predicted, with bootstrap intervals.
        fold_c: mean and standard error over folds (or sites) of Harrell's C of the cases up to the horizon.
        subgroups: metrics of groups with enough events; None for the others.
    """

    model: str
    horizon: float
    assessed_days: float
    design: str
    metrics: list[Metric]
    fold_c: tuple[float, float]
    subgroups: dict[str, list[Metric] | None]


@dataclass(frozen=True)
class Evaluation:
    """All candidates of a cohort, and what to know before reading their figures."""

    cohort: str
    n: int
    n_people: int
    n_events: int
    n_competing: int
    rows: int
    dropped: dict[str, int]
    censoring_c: float
    sample_size: dict[str, float]
    judged: list[Judged]


def run(cohort: Cohort, threads: int = 1, *, censoring: bool = True) -> Evaluation:
    """Fit every candidate on all designs and judge it.

    Args:
        censoring: also model the censoring itself (see ``Evaluation.censoring_c``).

    Raises:
        BadCohort: too few events for the folds, or a site or side of the split without events.
    """
    sample, spec = cohort.sample, cohort.spec
    people = np.unique(sample.person[sample.event == 1])
    if len(people) < 2 * spec.folds:
        raise BadCohort(
            f"{len(people)} people have the event, too few for {spec.folds} folds; fewer folds, or more data"
        )
    for horizon, days in zip(spec.horizons, cohort.horizons_days, strict=True):
        if not ((sample.event == 1) & (sample.time <= days)).any():
            first = sample.time[sample.event == 1].min() / cohort.days_per_unit
            raise BadCohort(f"nobody has the event by {horizon:g} {spec.time_unit}; the first has it at {first:.4g}")
    cuts = cohort.cuts
    designs = {"folds": by_person(sample.person, sample.event, spec.folds, spec.seed)}
    if cohort.site is not None:
        designs["site"] = np.unique(cohort.site.astype(str), return_inverse=True)[1]
    found = []
    for name, part in designs.items():
        for model in spec.candidates:
            predicted = _cross_fitted(cohort, model, cuts, part, threads)
            found += [_judge(cohort, model, days, predicted, cuts, part, name) for days in cohort.horizons_days]
    if cohort.split is not None:
        found += _later(cohort, cuts, threads)
    return Evaluation(
        spec.name,
        len(sample.time),
        len(np.unique(sample.person)),
        int((sample.event == 1).sum()),
        int((sample.event == 2).sum()),
        cohort.rows,
        cohort.dropped,
        _censoring_c(cohort, cuts, designs["folds"], threads) if censoring else float("nan"),
        sample_size(len(sample.time), len(people), sample.values.shape[1]),
        found,
    )


def by_person(person: NDArray[np.int64], event: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each row: people are dealt out at random, those with the event evenly, nobody to two folds."""
    codes, number = np.unique(person, return_inverse=True)
    case = np.bincount(number, event == 1, minlength=len(codes)) > 0
    random = np.random.default_rng(seed)
    fold = np.zeros(len(codes), np.int64)
    for group in (case, ~case):
        chosen = np.flatnonzero(group)
        fold[random.permutation(chosen)] = np.arange(len(chosen)) % folds
    return fold[number]


def sample_size(n: int, events: int, parameters: int) -> dict[str, float]:
    """Return events per parameter, and the parameters that n people allow at a shrinkage of 0.9 (Riley 2019).

    The Cox-Snell R2 is taken as 15 % of the largest possible for this share of events, as Riley advises without better
    knowledge.
    """
    share = min(max(events / n, 1e-9), 1 - 1e-9)
    largest = 1 - math.exp(2 * (share * math.log(share) + (1 - share) * math.log(1 - share)))
    r2 = 0.15 * largest
    allowed = -n * 0.1 * math.log(1 - r2 / 0.9)
    return {
        "events_per_parameter": events / max(parameters, 1),
        "parameters": parameters,
        "parameters_allowed": allowed,
    }


def truncated(sample: Sample, available_days: Floats) -> Sample:
    """Return the sample with follow-up cut to what was there (n,): who had the event later had not had it yet."""
    kept = available_days > 0
    time = np.minimum(sample.time, available_days)
    event = np.where(sample.time > available_days, 0, sample.event)
    return Sample(sample.columns, sample.values, time, event, sample.person).take(kept)


def _fit(cohort: Cohort, model: ModelSpec, sample: Sample, cuts: Floats, threads: int) -> Fitted:
    return fit(model, cohort.equation, sample, cuts, threads=threads, seed=cohort.spec.seed)


def _cross_fitted(cohort: Cohort, model: ModelSpec, cuts: Floats, part: NDArray[np.int64], threads: int) -> Floats:
    found = np.full((len(part), len(cuts) - 1, 2), np.nan)
    for held in np.unique(part):
        rows = part == held
        if not (cohort.sample.event[~rows] == 1).any():
            raise BadCohort(f"without part {held} nobody has the event")
        made = _fit(cohort, model, cohort.sample.take(~rows), cuts, threads)
        found[rows] = margins(made, cohort.sample.values[rows])
    return found


def _judge(
    cohort: Cohort,
    model: ModelSpec,
    horizon_days: float,
    predicted: Floats,
    cuts: Floats,
    part: NDArray[np.int64],
    design: str,
) -> Judged:
    spec = cohort.spec
    outcome = cohort.outcome
    at_days = evaluate.assessable_days(outcome, horizon_days, share=_FOLLOWED)
    if at_days > outcome.time.max():  # everybody has an event: judged where some are still without
        at_days = float(np.nextafter(np.quantile(outcome.time, 1 - _FOLLOWED, method="lower"), 0))
    horizon = spec.horizons[cohort.horizons_days.index(horizon_days)]
    risk = discrete.cumulative_incidence(predicted, cuts, at_days)[0]
    rows = np.isfinite(risk)  # an equation has no risk for people it was not made for
    if not rows.any():
        raise BadCohort(f"{model.name} gives nobody a risk: the equation's inputs are missing or out of its range")
    outcome, risk, part = outcome.take(rows), risk[rows], part[rows]
    folds = [evaluate.harrell_c_until(outcome.take(part == one), risk[part == one], at_days) for one in np.unique(part)]
    finite = np.array([one for one in folds if np.isfinite(one)])
    error = float(finite.std(ddof=1) / math.sqrt(len(finite))) if len(finite) > 1 else float("nan")
    groups: dict[str, list[Metric] | None] = {}
    for name, mask in cohort.subgroups.items():
        mine = mask[rows]
        part_of = outcome.take(mine)
        enough = ((part_of.event == 1) & (part_of.time <= at_days)).sum() >= ENOUGH_EVENTS
        groups[name] = evaluate.metrics(part_of, risk[mine], at_days) if enough else None
    return Judged(
        model.name,
        horizon,
        at_days,
        design,
        evaluate.metrics(outcome, risk, at_days, spec.thresholds, bootstrap=spec.bootstrap, seed=spec.seed),
        (float(finite.mean()) if len(finite) else float("nan"), error),
        groups,
    )


def _later(cohort: Cohort, cuts: Floats, threads: int) -> Iterator[Judged]:
    """Train on people below the split and judge the others."""
    assert cohort.split is not None
    assert cohort.split_at_days is not None
    later = cohort.split >= cohort.split_at_days
    for name, rows in (("before", ~later), ("from", later)):
        if not (cohort.sample.event[rows] == 1).any():
            raise BadCohort(f"nobody {name} the split at {cohort.spec.split_at} has the event")
    train = cohort.sample.take(~later)
    if cohort.spec.split_is_entry:
        train = truncated(train, cohort.split_at_days - cohort.split[~later])
    for model in cohort.spec.candidates:
        made = _fit(cohort, model, train, cuts, threads)
        predicted = np.full((len(later), len(cuts) - 1, 2), np.nan)
        predicted[later] = margins(made, cohort.sample.values[later])
        for days in cohort.horizons_days:
            yield _judge(cohort, model, days, predicted, cuts, np.zeros(len(later), np.int64), "split")


def _censoring_c(cohort: Cohort, cuts: Floats, part: NDArray[np.int64], threads: int) -> float:
    """Return the cross-fitted C of a model of censoring before the last horizon; above .6 IPCW figures are unsafe."""
    sample = cohort.sample
    lost = ((sample.event == 0) & (sample.time < cuts[-1])).astype(np.int64)
    if lost.sum() < 10 * cohort.spec.folds:
        return float("nan")
    turned = Sample(sample.columns, sample.values, sample.time, lost, sample.person)
    model = ModelSpec(name="censoring", kind="lightgbm", params={"rounds": 60})
    risk = np.zeros(len(lost))
    for held in np.unique(part):
        made = fit(model, None, turned.take(part != held), cuts, threads=threads, seed=cohort.spec.seed)
        risk[part == held] = discrete.cumulative_incidence(margins(made, sample.values[part == held]), cuts, cuts[-1])[
            0
        ]
    return evaluate.harrell_c(Outcome(sample.time, lost), risk)

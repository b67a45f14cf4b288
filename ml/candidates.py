"""Fit and compare the candidates of a task: person-grouped folds for choosing, held-out people for judging."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml import evaluate
from ml.dataset import Dataset
from ml.evaluate import Metric, Outcome
from ml.models import discrete
from ml.models.bundle import Bundle, predict
from ml.models.fitted import Fitted, Sample, fit, margins
from ml.task import ModelSpec, Task

Floats = NDArray[np.float64]
IDENTITY = [[0.0, 1.0], [0.0, 1.0]]
_BOOTSTRAP = 100


@dataclass(frozen=True)
class Candidate:
    """A fitted candidate and its evidence.

    Attributes:
        log_likelihood: of the event, mean per training row, out of fold: what candidates are chosen by. It is a proper
            score that needs no censoring weights and uses every index date. How well deaths of other causes are told
            beforehand does not count: a risk of diabetes is not chosen for that.
        cv, test: metrics on people's first index date, out of fold and held out.
        test_risk: risk of the held-out people at ``assessed_days``.
    """

    spec: ModelSpec
    bundle: Bundle
    log_likelihood: float
    cv: list[Metric]
    test: list[Metric]
    test_risk: Floats
    assessed_days: float


def fit_all(task: Task, data: Dataset, threads: int) -> list[Candidate]:
    """Fit every declared candidate."""
    return [fit_one(task, spec, data, threads) for spec in task.models]


def fit_one(task: Task, spec: ModelSpec, data: Dataset, threads: int) -> Candidate:
    """Fit one candidate: out of fold for calibration and choice, on all training people for use."""
    cuts = discrete.edges(task.horizon_days, task.interval_days)
    train = data.sample.take(~data.is_test)
    fold = data.fold[~data.is_test]
    out_of_fold = np.full((len(train.time), len(cuts) - 1, 2), np.nan)
    for held in np.unique(fold):
        part = _fit(task, spec, train.take(fold != held), cuts, threads)
        out_of_fold[fold == held] = margins(part, train.values[fold == held])
    is_as_made = spec.kind in ("equation", "recalibrated")
    calibrator = IDENTITY if is_as_made else discrete.calibrate(out_of_fold, train.time, train.event, cuts)
    made = Bundle(task.name, task.hash, task.horizon_days, _fit(task, spec, train, cuts, threads), calibrator)

    calibrated = discrete.recalibrated(out_of_fold, calibrator)
    likelihood = discrete.log_likelihood(calibrated, train.time, train.event, cuts)
    first = data.first[~data.is_test]
    inner = Outcome(train.time[first], train.event[first])
    at_inner = evaluate.assessable_days(inner, task.horizon_days)
    inner_risk = discrete.cumulative_incidence(calibrated[first], cuts, at_inner)[0]

    outcome, rows = test_outcome(data)
    at_test = evaluate.assessable_days(outcome, task.horizon_days)
    risk = risk_at(made, data.sample.values[rows], at_test)
    return Candidate(
        spec,
        made,
        float(likelihood.mean()),
        evaluate.metrics(inner, inner_risk, at_inner, task.thresholds),
        evaluate.metrics(outcome, risk, at_test, task.thresholds, bootstrap=_BOOTSTRAP, seed=task.seed),
        risk,
        at_test,
    )


def cross_fitted_risk(task: Task, spec: ModelSpec, data: Dataset, threads: int) -> Floats:
    """Return everyone's risk at the horizon on their first index date (n,), each by a model that never saw them.

    Not recalibrated, and held-out people are used as well: for comparing features, not for judging a model.
    """
    cuts = discrete.edges(task.horizon_days, task.interval_days)
    risk = np.full(len(data.sample.time), np.nan)
    for held in np.unique(data.fold):
        made = _fit(task, spec, data.sample.take(data.fold != held), cuts, threads)
        rows = data.first & (data.fold == held)
        risk[rows] = discrete.cumulative_incidence(margins(made, data.sample.values[rows]), cuts, task.horizon_days)[0]
    return risk[data.first]


def test_outcome(data: Dataset) -> tuple[Outcome, NDArray[np.bool_]]:
    """Return the outcome of the held-out people at their first index date, and which rows they are."""
    rows = data.is_test & data.first
    return Outcome(data.sample.time[rows], data.sample.event[rows]), rows


def risk_at(made: Bundle, values: Floats, at_days: float) -> Floats:
    """Return calibrated risks by ``at_days`` (n,)."""
    calibrated = discrete.recalibrated(margins(made.fitted, values), made.calibrator)
    return discrete.cumulative_incidence(calibrated, made.fitted.cuts, at_days)[0]


def choose(candidates: list[Candidate]) -> Candidate:
    """Return the candidate with the best out-of-fold likelihood."""
    return max(candidates, key=lambda one: one.log_likelihood if np.isfinite(one.log_likelihood) else -np.inf)


def subgroups(data: Dataset, rows: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    """Return masks over the given rows by sex, age band and density of data."""
    design = data.design
    age, male = design.column("age_years")[rows], design.column("sex_male")[rows]
    known = (~np.isnan(design.values[rows])).mean(axis=1)
    middle = np.median(known)
    return {
        "sex=female": male == 0,
        "sex=male": male == 1,
        "age<55": age < 55,
        "age=55-64": (age >= 55) & (age < 65),
        "age>=65": age >= 65,
        "data=dense": known > middle,
        "data=sparse": known <= middle,
    }


def censoring_c(task: Task, data: Dataset, threads: int) -> float:
    """Return the held-out C of a model of *censoring* before the last common follow-up; high means IPCW is unsafe."""
    outcome, rows = test_outcome(data)
    at_days = evaluate.assessable_days(outcome, task.horizon_days)
    cuts = discrete.edges(task.horizon_days, task.interval_days)
    train = data.sample.take(~data.is_test & data.first)
    lost = Sample(
        train.columns,
        train.values,
        train.time,
        np.where((train.event == 0) & (train.time < at_days), 1, 0).astype(np.int64),
        train.person,
    )
    if lost.event.sum() < 10:
        return float("nan")
    spec = ModelSpec(name="censoring", kind="lightgbm", params={"rounds": 60})
    fitted = fit(spec, task.equation, lost, cuts, threads=threads, seed=task.seed)
    made = Bundle(task.name, task.hash, task.horizon_days, fitted, IDENTITY)
    gone = np.where((outcome.event == 0) & (outcome.time < at_days), 1, 0)
    return evaluate.harrell_c(Outcome(outcome.time, gone), predict(made, data.sample.values[rows]).risk)


def _fit(task: Task, spec: ModelSpec, sample: Sample, cuts: Floats, threads: int) -> Fitted:
    return fit(spec, task.equation, sample, cuts, threads=threads, seed=task.seed)

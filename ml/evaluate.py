"""Evaluation of predicted risks against censored outcomes with a competing event, at one horizon.

Discrimination (Harrell C, IPCW AUC), accuracy (IPCW Brier and its skill), calibration (O:E by Aalen–Johansen, slope,
ICI, E90), usefulness (net benefit), each optionally with a person-bootstrap interval. Definitions follow
riskRegression's ``Score`` (Blanche, Gerds) and dcurves; tests compare with both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml import survival

Floats = NDArray[np.float64]
Events = NDArray[np.int64]
_PAIRS = 40_000_000
"""Pairs (case, other) above which C uses a fixed-seed sample of people: so many fix it to the fourth decimal."""


@dataclass(frozen=True)
class Outcome:
    """What was observed: follow-up in days (n,) and event (n,): 0 censored, 1 event, 2 competing."""

    time: Floats
    event: Events

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Outcome:
        return Outcome(self.time[rows], self.event[rows])


@dataclass(frozen=True)
class Metric:
    """One number with its 95 % interval (NaN where none was made)."""

    name: str
    value: float
    lower: float = float("nan")
    upper: float = float("nan")


def assessable_days(outcome: Outcome, horizon_days: float, share: float = 0.1) -> float:
    """Return the latest time up to the horizon at which at least ``share`` of the people are still followed.

    Beyond it a risk cannot be checked against the data; metrics are then taken at this earlier time, and say so.
    """
    if not len(outcome.time):
        return horizon_days
    known = np.where(outcome.event > 0, np.inf, outcome.time)
    return float(min(horizon_days, np.quantile(known, 1 - share, method="lower")))


def harrell_c(outcome: Outcome, risk: Floats) -> float:
    """Return Harrell's C; who had the competing event never has the event (Wolbers 2009). NaN without any pair."""
    return _c(_pairs(outcome, risk))


def auc(outcome: Outcome, risk: Floats, at_days: float) -> float:
    """Return the IPCW AUC at ``at_days``: cases against everyone without the event by then."""
    weight = survival.weights(outcome.time, outcome.event, at_days)
    case = (outcome.time <= at_days) & (outcome.event == 1)
    return _weighted_auc(risk, case, weight)


def brier(outcome: Outcome, risk: Floats, at_days: float) -> float:
    """Return the IPCW Brier score at ``at_days``."""
    weight = survival.weights(outcome.time, outcome.event, at_days)
    case = (outcome.time <= at_days) & (outcome.event == 1)
    return float((weight * (case - risk) ** 2).mean())


def observed(outcome: Outcome, at_days: float, weight: Floats | None = None) -> float:
    """Return the observed risk by ``at_days`` (Aalen–Johansen)."""
    return float(survival.aalen_johansen(outcome.time, outcome.event, weight).at(at_days))


def calibration(outcome: Outcome, risk: Floats, at_days: float) -> dict[str, float]:
    """Return slope, ici, e90 and emax: a logistic line, and a smooth curve, of outcome on predicted logit (IPCW)."""
    weight = survival.weights(outcome.time, outcome.event, at_days)
    case = ((outcome.time <= at_days) & (outcome.event == 1)).astype(float)
    logit = _logit(risk)
    if (weight * case).sum() == 0 or np.ptp(logit) < 1e-6:
        return dict.fromkeys(("slope", "ici", "e90", "emax"), float("nan"))
    line = _weighted_logistic(np.column_stack([np.ones_like(logit), logit]), case, weight)
    gap = np.abs(calibration_curve(outcome, risk, at_days, risk) - risk)
    return {
        "slope": float(line[1]),
        "ici": float(gap.mean()),
        "e90": float(np.quantile(gap, 0.9)),
        "emax": float(gap.max()),
    }


def calibration_curve(outcome: Outcome, risk: Floats, at_days: float, grid: Floats) -> Floats:
    """Return the smoothed observed risk at predicted risks ``grid``: restricted cubic spline of the logit, 3 knots."""
    weight = survival.weights(outcome.time, outcome.event, at_days)
    case = ((outcome.time <= at_days) & (outcome.event == 1)).astype(float)
    logit = _logit(risk)
    knots = np.quantile(logit, [0.1, 0.5, 0.9])
    beta = _weighted_logistic(_spline(logit, knots), case, weight)
    return 0.5 * (1 + np.tanh(0.5 * (_spline(_logit(grid), knots) @ beta)))


def net_benefit(
    outcome: Outcome, risk: Floats, at_days: float, thresholds: Iterable[float]
) -> list[tuple[float, float]]:
    """Return (threshold, net benefit) of treating everyone at or above each threshold (Vickers 2006, 2008).

    The observed risk among the treated is Aalen–Johansen's, so censored follow-up counts.
    """
    found = []
    for threshold in thresholds:
        treated = risk >= threshold
        share = float(treated.mean())
        event = observed(outcome.take(treated), at_days) if treated.any() else 0.0
        found.append((threshold, share * (event - (1 - event) * threshold / (1 - threshold))))
    return found


def metrics(
    outcome: Outcome,
    risk: Floats,
    at_days: float,
    thresholds: Iterable[float] = (),
    *,
    bootstrap: int = 0,
    seed: int = 0,
) -> list[Metric]:
    """Return all metrics of predicted risks ``at_days``; intervals from ``bootstrap`` person resamples, without refit.

    Raises:
        ValueError: nobody, or risks that are not probabilities.
    """
    if not len(risk):
        raise ValueError("nobody to evaluate: the cohort is empty")
    if not np.isfinite(risk).all() or risk.min() < 0 or risk.max() > 1:
        raise ValueError("predicted risks must be probabilities between 0 and 1, without missing values")
    point = _point(outcome, risk, at_days, tuple(thresholds))
    draws: dict[str, list[float]] = {name: [] for name in point}
    if bootstrap and point["n_events"] >= 2:
        pairs = _pairs(outcome, risk)
        random = np.random.default_rng(seed)
        for _ in range(bootstrap):
            chosen = random.integers(0, len(risk), len(risk))
            drawn = _point(outcome.take(chosen), risk[chosen], at_days, tuple(thresholds), pairs=False)
            drawn["harrell_c"] = _c(pairs, np.bincount(chosen, minlength=len(risk)))
            for name, value in drawn.items():
                draws[name].append(value)
    found = []
    for name, value in point.items():
        finite = [one for one in draws[name] if np.isfinite(one)]
        enough = len(finite) >= 20 and name not in ("n_events", "assessed_days")
        low, high = np.quantile(finite, [0.025, 0.975]) if enough else (np.nan, np.nan)
        found.append(Metric(name, value, float(low), float(high)))
    return found


def compare_c(outcome: Outcome, one: Floats, other: Floats, bootstrap: int = 200, seed: int = 0) -> tuple[float, float]:
    """Return C(one) - C(other) and the bootstrap standard error of the difference."""
    first, second = _pairs(outcome, one), _pairs(outcome, other)
    random = np.random.default_rng(seed)
    draws = []
    for _ in range(bootstrap):
        count = np.bincount(random.integers(0, len(one), len(one)), minlength=len(one))
        draws.append(_c(first, count) - _c(second, count))
    finite = [draw for draw in draws if np.isfinite(draw)]
    return _c(first) - _c(second), float(np.std(finite, ddof=1)) if len(finite) > 1 else float("nan")


def _point(
    outcome: Outcome, risk: Floats, at_days: float, thresholds: tuple[float, ...], pairs: bool = True
) -> dict[str, float]:
    overall = observed(outcome, at_days)
    score, null = brier(outcome, risk, at_days), brier(outcome, np.full_like(risk, overall), at_days)
    found = {
        "harrell_c": harrell_c(outcome, risk) if pairs else float("nan"),
        "auc": auc(outcome, risk, at_days),
        "brier": score,
        "brier_skill": 1 - score / null if null > 0 else float("nan"),
        "observed": overall,
        "expected": float(risk.mean()),
        "observed_expected": overall / float(risk.mean()) if risk.mean() > 0 else float("nan"),
        **calibration(outcome, risk, at_days),
        "n_events": float(((outcome.event == 1) & (outcome.time <= at_days)).sum()),
        "assessed_days": at_days,
    }
    for threshold, value in net_benefit(outcome, risk, at_days, thresholds):
        found[f"net_benefit_{threshold:g}"] = value
    return found


@dataclass(frozen=True)
class _Pairs:
    """Each case (rows) against everybody (columns): which pairs are comparable, and which of them are concordant.

    ``people`` are the positions of the columns, ``cases`` those of the rows among the columns. A resample of people
    multiplies the weights of its pairs, so that a bootstrap of C needs no new comparison.
    """

    people: NDArray[np.int64]
    cases: NDArray[np.int64]
    concordant: NDArray[np.float32]
    comparable: NDArray[np.float32]


def _pairs(outcome: Outcome, risk: Floats) -> _Pairs:
    people = np.arange(len(risk))
    if (outcome.event == 1).sum() * len(risk) > _PAIRS:
        share = np.sqrt(_PAIRS / ((outcome.event == 1).sum() * len(risk)))
        people = np.sort(np.random.default_rng(0).choice(people, int(share * len(risk)), replace=False))
        outcome, risk = outcome.take(people), risk[people]
    time = np.where(outcome.event == 2, np.inf, outcome.time)
    is_case = outcome.event == 1
    cases = np.flatnonzero(is_case)
    at, score = time[cases, None], risk[cases, None]
    # whoever is censored at the time of the case was still without the event then
    comparable = (at < time[None, :]) | ((at == time[None, :]) & ~is_case[None, :])
    # ties in risk count a half
    better = (score > risk[None, :]) + np.float32(0.5) * (score == risk[None, :])
    return _Pairs(people, cases, (better * comparable).astype(np.float32), comparable.astype(np.float32))


def _c(pairs: _Pairs, count: NDArray[np.int64] | None = None) -> float:
    """Return concordant over comparable pairs, people counted ``count`` times (n,)."""
    weight = np.ones(len(pairs.people)) if count is None else count[pairs.people].astype(float)
    cases = weight[pairs.cases]
    total = float(cases @ (pairs.comparable @ weight))
    return float(cases @ (pairs.concordant @ weight)) / total if total else float("nan")


def _weighted_auc(risk: Floats, case: NDArray[np.bool_], weight: Floats) -> float:
    order = np.argsort(risk, kind="stable")
    risk, case, weight = risk[order], case[order], weight[order]
    hits, others = weight * case, weight * ~case
    if hits.sum() == 0 or others.sum() == 0:
        return float("nan")
    _, group = np.unique(risk, return_inverse=True)
    hit, other = np.bincount(group, hits), np.bincount(group, others)
    below = np.concatenate([[0.0], other.cumsum()[:-1]])
    return float((hit * (below + 0.5 * other)).sum() / (hits.sum() * others.sum()))


def _weighted_logistic(design: Floats, case: Floats, weight: Floats) -> Floats:
    """Fit a weighted logistic regression; the design's second column is the predicted logit, where the fit starts.

    A weak prior around the identity (a stronger one on the bend of a curve) keeps it finite where few events separate.
    """
    used = weight > 0
    design, case, weight = design[used], case[used], weight[used]
    start = np.zeros(design.shape[1])
    start[1] = 1.0
    beta = start.copy()
    ridge = np.array([1e-3, 1e-3, 0.5][: len(start)])
    for _ in range(40):
        fitted = 0.5 * (1 + np.tanh(0.5 * (design @ beta)))
        gradient = design.T @ (weight * (case - fitted)) - ridge * (beta - start)
        hessian = (design * (weight * fitted * (1 - fitted))[:, None]).T @ design + np.diag(ridge)
        step = np.clip(np.linalg.solve(hessian, gradient), -4, 4)
        beta = beta + step
        if np.abs(step).max() < 1e-5:
            break
    return beta


def _spline(x: Floats, knots: Floats) -> Floats:
    low, middle, high = knots
    if high - low < 1e-9 or middle in (low, high):
        return np.column_stack([np.ones_like(x), x])

    def cube(knot: float) -> Floats:
        return np.maximum(x - knot, 0) ** 3

    bent = cube(low) - cube(middle) * (high - low) / (high - middle) + cube(high) * (middle - low) / (high - middle)
    return np.column_stack([np.ones_like(x), x, bent / (high - low) ** 2])


def _logit(risk: Floats) -> Floats:
    risk = np.clip(risk, 1e-6, 1 - 1e-6)
    return np.log(risk / (1 - risk))

"""Evaluation of predicted risks against censored outcomes with a competing event, at one horizon.

Discrimination (C of Harrell and of Uno, IPCW AUC), accuracy (IPCW Brier and its skill), calibration (O:E by
Aalen–Johansen, intercept, slope, ICI, E90), usefulness (net benefit), each optionally with a person-bootstrap interval.
Definitions follow riskRegression's ``Score`` (Blanche, Gerds), survival and dcurves; tests compare with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml import resamples

Floats = NDArray[np.float64]
Events = NDArray[np.int64]
_PAIRS = 40_000_000
"""Pairs (case, other) above which C uses a fixed-seed sample of people: so many fix it to the fourth decimal."""
_CELLS = 2_000_000
"""Resamples times people that are evaluated at once."""


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


def assessable_days(outcome: Outcome, horizon_days: float, share: float = 0.5) -> float:
    """Return the latest time up to the horizon until which at least ``share`` of the people would still be followed.

    That is Kaplan-Meier's probability of not being censored before: the inverse of the largest weight that a person
    gets; with a half, the median follow-up. Beyond, few people stand for many and a risk cannot be checked against the
    data; metrics are then taken at this earlier time, and say so.
    """
    if not len(outcome.time):
        return horizon_days
    free = outcome.time[outcome.event == 0]
    ends = np.unique(free[free <= horizon_days])
    if outcome.time.max() > horizon_days:
        ends = np.append(ends, horizon_days)
    if not len(ends):  # everybody has an event, which is known for ever
        return horizon_days
    followed = resamples.uncensored_before(outcome.time, outcome.event, ends)
    return float(ends[followed >= share].max())


def harrell_c(outcome: Outcome, risk: Floats) -> float:
    """Return Harrell's C; who had the competing event never has the event (Wolbers 2009). NaN without any pair."""
    return float(_cs(_pairs(outcome, risk), _once(risk))[0][0])


def harrell_c_until(outcome: Outcome, risk: Floats, until_days: float) -> float:
    """Return Harrell's C of the cases up to ``until_days``: what a risk by then can be asked to order."""
    until = (outcome.time <= until_days).astype(float)[None, :]
    return float(_cs(_pairs(outcome, risk), _once(risk), until)[1][0])


def uno_c(outcome: Outcome, risk: Floats, until_days: float = np.inf) -> float:
    """Return Uno's C: Harrell's with each case weighted by the inverse square of being uncensored before it (2011).

    Args:
        until_days: cases after this time are not counted; without it the last ones may weigh heavily.
    """
    once = _once(risk)
    weight = resamples.weight_before(outcome.time, outcome.event, once) ** 2 * (outcome.time <= until_days)
    return float(_cs(_pairs(outcome, risk), once, weight)[1][0])


def auc(outcome: Outcome, risk: Floats, at_days: float) -> float:
    """Return the IPCW AUC at ``at_days``: cases against everyone without the event by then."""
    once = _once(risk)
    weight = resamples.ipcw(outcome.time, outcome.event, once, at_days)
    return float(resamples.auc(risk, _case(outcome, at_days), weight)[0])


def brier(outcome: Outcome, risk: Floats, at_days: float) -> float:
    """Return the IPCW Brier score at ``at_days``."""
    return float(briers(outcome, risk, at_days, _once(risk))[0])


def briers(outcome: Outcome, risk: Floats, at_days: float, counts: Floats) -> Floats:
    """Return the IPCW Brier score of each resample; ``counts`` (B, n) as in ``ml.resamples``."""
    weight = resamples.ipcw(outcome.time, outcome.event, counts, at_days)
    return resamples.mean(weight * (_case(outcome, at_days) - risk) ** 2, counts)


def observed(outcome: Outcome, at_days: float) -> float:
    """Return the observed risk by ``at_days`` (Aalen–Johansen)."""
    return float(resamples.incidence(outcome.time, outcome.event, _once(outcome.time), at_days)[0])


def calibration(outcome: Outcome, risk: Floats, at_days: float) -> dict[str, float]:
    """Return intercept (at slope 1), slope, ici, e90 and emax: a logistic line and a smooth curve of outcome on the
    predicted logit (IPCW)."""
    once = _once(risk)
    weight = resamples.ipcw(outcome.time, outcome.event, once, at_days)
    return {name: float(one[0]) for name, one in _calibration(outcome, risk, at_days, once, weight).items()}


def calibration_curve(outcome: Outcome, risk: Floats, at_days: float, grid: Floats) -> Floats:
    """Return the smoothed observed risk at predicted risks ``grid``: restricted cubic spline of the logit, 3 knots."""
    once = _once(risk)
    weight = resamples.ipcw(outcome.time, outcome.event, once, at_days)
    return _curve(outcome, risk, at_days, grid, once, weight)[0]


def net_benefit(
    outcome: Outcome, risk: Floats, at_days: float, thresholds: Iterable[float]
) -> list[tuple[float, float]]:
    """Return (threshold, net benefit) of treating everyone at or above each threshold (Vickers 2006, 2008).

    The observed risk among the treated is Aalen–Johansen's, so censored follow-up counts.
    """
    once = _once(risk)
    return [(one, float(net_benefits(outcome, risk, at_days, one, once)[0])) for one in thresholds]


def net_benefits(outcome: Outcome, risk: Floats, at_days: float, threshold: float, counts: Floats) -> Floats:
    """Return the net benefit of each resample at one threshold; ``counts`` (B, n) as in ``ml.resamples``."""
    treated = risk >= threshold
    share = counts[:, treated].sum(axis=1) / counts.sum(axis=1)
    if not treated.any():
        return np.zeros(len(counts))
    event = resamples.incidence(outcome.time[treated], outcome.event[treated], counts[:, treated], at_days)
    return np.asarray(share * (event - (1 - event) * threshold / (1 - threshold)))


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
    thresholds, pairs = tuple(thresholds), _pairs(outcome, risk)
    point = {name: float(one[0]) for name, one in _all(outcome, risk, at_days, thresholds, pairs, _once(risk)).items()}
    draws: dict[str, list[Floats]] = {name: [] for name in point}
    if bootstrap and point["n_events"] >= 2:
        for counts in _chunks(resamples.drawn(len(risk), bootstrap, seed)):
            for name, values in _all(outcome, risk, at_days, thresholds, pairs, counts).items():
                draws[name].append(values)
    found = []
    for name, value in point.items():
        drawn = np.concatenate([np.empty(0), *draws[name]])
        finite = drawn[np.isfinite(drawn)]
        enough = len(finite) >= 20 and name not in ("n_events", "assessed_days")
        low, high = np.quantile(finite, [0.025, 0.975]) if enough else (np.nan, np.nan)
        found.append(Metric(name, value, float(low), float(high)))
    return found


def compare_c(outcome: Outcome, one: Floats, other: Floats, bootstrap: int = 200, seed: int = 0) -> tuple[float, float]:
    """Return C(one) - C(other) and the bootstrap standard error of the difference."""
    first, second = _pairs(outcome, one), _pairs(outcome, other)
    counts = resamples.drawn(len(one), bootstrap, seed)
    draws = _cs(first, counts)[0] - _cs(second, counts)[0]
    finite = draws[np.isfinite(draws)]
    difference = float((_cs(first, _once(one))[0] - _cs(second, _once(one))[0])[0])
    return difference, float(np.std(finite, ddof=1)) if len(finite) > 1 else float("nan")


def _all(
    outcome: Outcome, risk: Floats, at_days: float, thresholds: tuple[float, ...], pairs: _Pairs, counts: Floats
) -> dict[str, Floats]:
    """Every metric of every resample: arrays (B,)."""
    weight = resamples.ipcw(outcome.time, outcome.event, counts, at_days)
    case = _case(outcome, at_days)
    overall = resamples.incidence(outcome.time, outcome.event, counts, at_days)
    score = resamples.mean(weight * (case - risk) ** 2, counts)
    null = resamples.mean(weight * (case - overall[:, None]) ** 2, counts)
    expected = resamples.mean(risk, counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        skill = np.where(null > 0, 1 - score / null, np.nan)
        ratio = np.where(expected > 0, overall / expected, np.nan)
    until = (outcome.time <= at_days).astype(float)[None, :]
    inverse = resamples.weight_before(outcome.time, outcome.event, counts) ** 2
    harrell, uno, harrell_horizon, uno_horizon = _cs(pairs, counts, inverse, until, inverse * until)
    return {
        "harrell_c": harrell,
        "uno_c": uno,
        "harrell_c_horizon": harrell_horizon,
        "uno_c_horizon": uno_horizon,
        "auc": resamples.auc(risk, case, counts * weight),
        "brier": score,
        "brier_null": null,
        "brier_skill": skill,
        "observed": overall,
        "expected": expected,
        "observed_expected": ratio,
        **_calibration(outcome, risk, at_days, counts, weight),
        "n_events": counts[:, case].sum(axis=1),
        "assessed_days": np.full(len(counts), at_days),
        **{
            f"net_benefit_{threshold:g}": net_benefits(outcome, risk, at_days, threshold, counts)
            for threshold in thresholds
        },
    }


def _calibration(outcome: Outcome, risk: Floats, at_days: float, counts: Floats, weight: Floats) -> dict[str, Floats]:
    case = _case(outcome, at_days).astype(float)
    logit = _logit(risk)
    line = resamples.logistic(np.column_stack([np.ones_like(logit), logit]), case, counts * weight)
    gap = np.abs(_curve(outcome, risk, at_days, risk, counts, weight) - risk)
    drawn = counts > 0
    spread = np.where(drawn, logit, -np.inf).max(axis=1) - np.where(drawn, logit, np.inf).min(axis=1)
    unknown = ((counts * weight * case).sum(axis=1) == 0) | (spread < 1e-6)
    found = {
        "intercept": resamples.intercept(logit, case, counts * weight),
        "slope": line[:, 1],
        "ici": resamples.mean(gap, counts),
        "e90": resamples.quantile(gap, counts, 0.9),
        "emax": np.where(drawn, gap, 0.0).max(axis=1),
    }
    return {name: np.where(unknown, np.nan, value) for name, value in found.items()}


def _curve(outcome: Outcome, risk: Floats, at_days: float, grid: Floats, counts: Floats, weight: Floats) -> Floats:
    logit = _logit(risk)
    knots = np.stack([resamples.quantile(logit, counts, share) for share in (0.1, 0.5, 0.9)], axis=1)
    case = _case(outcome, at_days).astype(float)
    beta = resamples.logistic(resamples.spline(logit, knots), case, counts * weight)
    bent = resamples.spline(_logit(grid), knots)
    return np.asarray(0.5 * (1 + np.tanh(0.5 * (bent @ beta[:, :, None])[..., 0])))


def _case(outcome: Outcome, at_days: float) -> NDArray[np.bool_]:
    return (outcome.time <= at_days) & (outcome.event == 1)


def _once(values: Floats) -> Floats:
    """Everyone counted once."""
    return np.ones((1, len(values)))


def _chunks(counts: Floats) -> Iterator[Floats]:
    """Cut many resamples of many people so that memory stays bounded."""
    size = max(_CELLS // counts.shape[1], 1)
    for start in range(0, len(counts), size):
        yield counts[start : start + size]


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


def _cs(pairs: _Pairs, counts: Floats, *case_weights: Floats) -> list[Floats]:
    """Return concordant over comparable pairs of each resample (B,), NaN without any: plain, and once per weighting.

    Args:
        case_weights: (B, n) or (1, n), what a case counts besides how often it was drawn.
    """
    weight = counts[:, pairs.people]
    comparable, concordant = weight @ pairs.comparable.T, weight @ pairs.concordant.T
    cases = weight[:, pairs.cases]
    found = []
    for of in (cases, *(cases * one[:, pairs.people][:, pairs.cases] for one in case_weights)):
        total = (of * comparable).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(np.where(total > 0, (of * concordant).sum(axis=1) / total, np.nan))
    return found


def _logit(risk: Floats) -> Floats:
    risk = np.clip(risk, 1e-6, 1 - 1e-6)
    return np.log(risk / (1 - risk))

"""Discrete time with competing events: person-periods, margins, cumulative incidence, and the logistic fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEVER = -18.0
"""Margin of something that practically never happens in an interval (probability 1.5e-8)."""


def edges(horizon_days: int, interval_days: int) -> Floats:
    """Return the interval edges in days, 0 to the horizon; the intervals are equal and about ``interval_days`` long."""
    return np.linspace(0.0, horizon_days, max(round(horizon_days / interval_days), 1) + 1)


def expand(time: Floats, event: NDArray[np.int64], cuts: Floats) -> tuple[NDArray[np.int64], ...]:
    """Turn follow-up into person-periods.

    Args:
        time: follow-up in days (n,), above 0. event: 0 censored, 1 event, 2 competing (n,). cuts: interval edges.

    Returns:
        (row, interval, label) of each person-period. Someone censored inside an interval counts in it when more than
        half of it was observed (half-interval rule).
    """
    last = np.clip(np.searchsorted(cuts, time, side="left") - 1, 0, len(cuts) - 2)
    reached_end = time >= cuts[-1]
    label = np.where(reached_end & (time > cuts[-1]), 0, event)
    seen = (time - cuts[last]) / (cuts[last + 1] - cuts[last])
    periods = np.where((label > 0) | (seen > 0.5), last + 1, last)
    row = np.repeat(np.arange(len(time)), periods)
    interval = np.arange(len(row)) - np.repeat(np.cumsum(periods) - periods, periods)
    is_last = (interval == periods[row] - 1) & (label[row] > 0)
    return row, interval, np.where(is_last, label[row], 0)


def hazards(margins: Floats) -> Floats:
    """Return the probabilities (…, 2) of event and competing event in an interval from their margins (…, 2)."""
    top = np.maximum(margins.max(axis=-1, keepdims=True), 0)
    odds = np.exp(margins - top)
    return odds / (np.exp(-top) + odds.sum(axis=-1, keepdims=True))


def cumulative_incidence(margins: Floats, cuts: Floats, at_days: float) -> tuple[Floats, Floats]:
    """Return the probabilities (n,) of the event and of the competing event by ``at_days``, from margins (n, K, 2)."""
    event, competing = incidences(margins, np.clip((at_days - cuts[:-1]) / np.diff(cuts), 0, 1))
    return event[:, -1], competing[:, -1]


def incidences(margins: Floats, share: Floats | float = 1.0) -> tuple[Floats, Floats]:
    """Return the probabilities (n, K) of the event and of the competing event by the end of each interval.

    Args:
        share: how much of each interval is lived through (K,).
    """
    probability = hazards(margins) * np.broadcast_to(share, margins.shape[1])[None, :, None]
    surviving = np.cumprod(1 - probability.sum(axis=2), axis=1)
    before = np.concatenate([np.ones((len(margins), 1)), surviving[:, :-1]], axis=1)
    incidence = np.cumsum(before[:, :, None] * probability, axis=1)
    return incidence[:, :, 0], incidence[:, :, 1]


def log_likelihood(margins: Floats, time: Floats, event: NDArray[np.int64], cuts: Floats) -> Floats:
    """Return the log likelihood of each row's follow-up (n,) under its margins (n, K, 2), by the event alone.

    In every interval lived through, the event happened or did not; who dies of something else has done with being at
    risk. So it is a proper score of the event's hazard, whatever the margins say of the competing one.
    """
    row, interval, label = expand(time, event, cuts)
    hazard = hazards(margins[row, interval])[:, 0]
    chosen = np.where(label == 1, hazard, 1 - hazard)
    return np.bincount(row, np.log(np.maximum(chosen, 1e-12)), minlength=len(time)).astype(float)


def logistic_fit(
    design: Floats, outcome: Floats, ridge: Floats, prior: Floats | None = None, rounds: int = 50
) -> Floats:
    """Fit a logistic regression with a Gaussian prior by Newton's method.

    The penalised likelihood is concave; a step is halved until it climbs, or far from the optimum Newton overshoots.

    Args:
        design: (n, p) with its own intercept column. outcome: (n,) 0 or 1. ridge: prior precision per coefficient (p,).
        prior: prior mean (p,), zero by default.
    """
    prior = np.zeros(design.shape[1]) if prior is None else prior
    beta = prior.copy()

    def likelihood(at: Floats) -> float:
        margin = design @ at
        return float(outcome @ margin - np.logaddexp(0, margin).sum() - 0.5 * ridge @ (at - prior) ** 2)

    reached = likelihood(beta)
    for _ in range(rounds):
        fitted = 0.5 * (1 + np.tanh(0.5 * (design @ beta)))
        gradient = design.T @ (outcome - fitted) - ridge * (beta - prior)
        weight = fitted * (1 - fitted)
        hessian = (design * weight[:, None]).T @ design + np.diag(ridge + 1e-9)
        step = np.linalg.solve(hessian, gradient)
        while (climbed := likelihood(beta + step)) < reached and np.abs(step).max() > 1e-10:
            step = step / 2
        beta, reached = beta + step, climbed
        if np.abs(step).max() < 1e-8:
            break
    return beta


def calibrate(margins: Floats, time: Floats, event: NDArray[np.int64], cuts: Floats) -> list[list[float]]:
    """Fit the logistic recalibration of out-of-fold margins: [[a, b] of the event, [a, b] of the competing event].

    Fitted on person-periods rather than on the risk at the horizon, so that censored follow-up counts without weights:
    inverse-probability weights fail when censoring depends on the features (reference/ml.md 3.2). The prior pulls the
    slope towards 1 and vanishes with events.
    """
    row, interval, label = expand(time, event, cuts)
    found = []
    for kind in (1, 2):
        used = (label == 0) | (label == kind)
        margin = margins[row[used], interval[used], kind - 1]
        hit = (label[used] == kind).astype(float)
        if not hit.any() or margin.max() <= NEVER:
            found.append([0.0, 1.0])
            continue
        design = np.column_stack([np.ones_like(margin), margin])
        a, b = logistic_fit(design, hit, np.array([1e-3, 4.0]), np.array([0.0, 1.0]))
        found.append([float(a), float(b)] if b > 0 else [float(a), 0.05])
    return found


def recalibrated(margins: Floats, calibrator: list[list[float]]) -> Floats:
    """Apply a recalibration to margins (n, K, 2)."""
    a, b = np.array(calibrator, float).T
    return np.where(margins <= NEVER, NEVER, a + b * margins)

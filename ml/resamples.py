"""The estimators of evaluation for many resamples of the same people at once.

A resample is a row of counts: how often each person was drawn. Every estimator here takes ``counts`` (B, n) and returns
one value per resample (B,); one row of ones gives the estimate itself. Counting is exact: a person drawn twice weighs
as two persons of the same data would. Hundreds of resamples cost little more than one, because nothing is sorted or
compared again (a loop over resamples was a quarter of training's CPU time).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Events = NDArray[np.int64]
Counts = NDArray[np.float64]

_RIDGE = (1e-3, 1e-3, 0.5)
"""Weak prior around the identity, stronger on the bend of a curve: keeps a fit finite where few events separate."""


def drawn(n: int, resamples: int, seed: int) -> Counts:
    """Return ``resamples`` bootstrap samples of n people as counts (B, n)."""
    random = np.random.default_rng(seed)
    return np.stack([np.bincount(random.integers(0, n, n), minlength=n) for _ in range(resamples)]).astype(float)


@dataclass(frozen=True)
class _Times:
    """People in the order of their times: ``order`` sorts them, ``starts`` are the first of each distinct time."""

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    times: Floats

    @staticmethod
    def of(time: Floats) -> _Times:
        order = np.argsort(time, kind="stable")
        times, starts = np.unique(time[order], return_index=True)
        return _Times(order, starts, times)

    def sums(self, weight: Counts) -> Counts:
        """Return the weight at each distinct time (B, times)."""
        return np.add.reduceat(weight[:, self.order], self.starts, axis=1)


def incidence(time: Floats, event: Events, counts: Counts, at_days: float) -> Floats:
    """Return the Aalen–Johansen risk of event 1 by ``at_days``; 2 competes, 0 is censored. 0 where nobody was drawn."""
    kept = _Times.of(time)
    hits, others = kept.sums(counts * (event == 1)), kept.sums(counts * (event == 2))
    at_risk = _at_risk(kept.sums(counts))
    surviving = np.cumprod(1 - (hits + others) / at_risk, axis=1)
    before = np.concatenate([np.ones((len(counts), 1)), surviving[:, :-1]], axis=1)
    return np.asarray((before * hits / at_risk)[:, kept.times <= at_days].sum(axis=1))


def ipcw(time: Floats, event: Events, counts: Counts, at_days: float) -> Counts:
    """Return inverse-probability-of-censoring weights (B, n) for the status at ``at_days``; 0 where it is unknown.

    Whoever is censored exactly at ``at_days`` is known to be free of the event by then: follow-up that ends with the
    horizon is complete.
    """
    kept, free = _uncensored(time, event, counts)
    seen = (time <= at_days) & (event > 0)
    beyond = (time > at_days) | ((time == at_days) & (event == 0))
    with np.errstate(divide="ignore"):
        own = 1 / free[:, np.searchsorted(kept.times, time, side="left")]
        late = 1 / free[:, np.searchsorted(kept.times, at_days, side="left")]
    found = np.where(beyond[None, :], late[:, None], np.where(seen[None, :], own, 0.0))
    return np.where(np.isfinite(found), found, 0.0)


def weight_before(time: Floats, event: Events, counts: Counts) -> Counts:
    """Return the inverse of the probability of being uncensored just before each person's own time (B, n)."""
    kept, free = _uncensored(time, event, counts)
    with np.errstate(divide="ignore"):
        found = 1 / free[:, np.searchsorted(kept.times, time, side="left")]
    return np.where(np.isfinite(found), found, 0.0)


def uncensored_before(time: Floats, event: Events, at: Floats) -> Floats:
    """Return Kaplan-Meier's probability of not being censored before each time of ``at``."""
    kept, free = _uncensored(time, event, np.ones((1, len(time))))
    return np.asarray(free[0, np.searchsorted(kept.times, at, side="left")])


def _uncensored(time: Floats, event: Events, counts: Counts) -> tuple[_Times, Counts]:
    """Return Kaplan-Meier's probability of not being censored (B, times + 1), and the times it steps at."""
    # moving the events a hair ahead of the censorings removes them from the risk set first
    shifted = np.where(event == 0, time, np.nextafter(time, 0))
    kept = _Times.of(shifted)
    lost = kept.sums(counts * (event == 0))
    free = np.cumprod(1 - lost / _at_risk(kept.sums(counts)), axis=1)
    return kept, np.concatenate([np.ones((len(counts), 1)), free], axis=1)


def auc(risk: Floats, case: NDArray[np.bool_], weight: Counts) -> Floats:
    """Return the weighted share of (case, other) pairs in the right order, ties a half; NaN without cases or others."""
    kept = _Times.of(risk)
    hit, other = kept.sums(weight * case), kept.sums(weight * ~case)
    below = np.cumsum(other, axis=1) - other
    pairs = hit.sum(axis=1) * other.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, (hit * (below + 0.5 * other)).sum(axis=1) / pairs, np.nan)


def mean(values: Floats, weight: Counts) -> Floats:
    """Return the weighted mean of values (n,) or (B, n)."""
    return np.asarray((weight * values).sum(axis=1) / weight.sum(axis=1))


def quantile(values: Floats, counts: Counts, share: float) -> Floats:
    """Return the quantile of the resampled values, interpolated as numpy does. ``values`` (n,) or (B, n)."""
    order = np.argsort(values, axis=-1, kind="stable")
    ranked = np.broadcast_to(np.take_along_axis(values, order, axis=-1), counts.shape)
    order = np.broadcast_to(order, counts.shape)
    reached = np.cumsum(np.take_along_axis(counts, order, axis=1), axis=1)
    position = share * (reached[:, -1] - 1)
    low = np.floor(position)

    def value(rank: Floats) -> Floats:
        return np.take_along_axis(ranked, (reached > rank[:, None]).argmax(axis=1)[:, None], axis=1)[:, 0]

    bottom = value(low)
    return np.asarray(bottom + (position - low) * (value(np.minimum(low + 1, reached[:, -1] - 1)) - bottom))


def logistic(design: Floats, case: Floats, weight: Counts) -> Floats:
    """Fit weighted logistic regressions (B, p); the second column of ``design`` is the predicted logit.

    Newton's steps are halved where they do not help: whole ones may go to and fro for ever. NaN where even so no end is
    found.

    Args:
        design: (n, p), or (B, n, p) where the columns differ by resample.
    """
    width = design.shape[-1]
    design = np.broadcast_to(design, (len(weight), *design.shape[-2:]))
    start = np.zeros(width)
    start[1] = 1.0
    ridge = np.array(_RIDGE[:width])
    beta = np.tile(start, (len(weight), 1))
    turned = design.transpose(0, 2, 1)
    linear = (design @ beta[:, :, None])[..., 0]
    reached = _penalised(linear, beta - start, case, weight, ridge)
    open_ones, pace = np.arange(len(weight)), np.ones(len(weight))
    for _ in range(60):
        rows, across, some = design[open_ones], turned[open_ones], weight[open_ones]
        fitted = 0.5 * (1 + np.tanh(0.5 * linear[open_ones]))
        gradient = (across @ (some * (case - fitted))[..., None])[..., 0] - ridge * (beta[open_ones] - start)
        hessian = (across * (some * fitted * (1 - fitted))[:, None, :]) @ rows + np.diag(ridge)
        step = pace[open_ones, None] * np.linalg.solve(hessian, gradient[..., None])[..., 0]
        tried = beta[open_ones] + step
        moved = (rows @ tried[:, :, None])[..., 0]
        value = _penalised(moved, tried - start, case, some, ridge)
        helps = value >= reached[open_ones] - 1e-9 * np.abs(reached[open_ones])
        taken = open_ones[helps]
        beta[taken], linear[taken], reached[taken] = tried[helps], moved[helps], value[helps]
        pace[open_ones] = np.where(helps, 1.0, 0.5 * pace[open_ones])
        open_ones = open_ones[~helps | (np.abs(step).max(axis=1) >= 1e-5)]
        if not len(open_ones):
            break
    beta[open_ones] = np.nan
    return beta


def _penalised(linear: Floats, apart: Floats, case: Floats, weight: Counts, ridge: Floats) -> Floats:
    """Return the penalised log likelihood of each resample (B,); ``apart``: coefficients less those at the start."""
    likelihood = (weight * (case * linear - np.logaddexp(0.0, linear))).sum(axis=1)
    return np.asarray(likelihood - 0.5 * (ridge * apart**2).sum(axis=1))


def intercept(logit: Floats, case: Floats, weight: Counts) -> Floats:
    """Return how far the predicted logits must move to expect as many cases as there were (B,); NaN without cases."""
    moved = np.zeros(len(weight))
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(40):
            fitted = 0.5 * (1 + np.tanh(0.5 * (logit[None, :] + moved[:, None])))
            step = (weight * (case - fitted)).sum(axis=1) / (weight * fitted * (1 - fitted)).sum(axis=1)
            moved = moved + np.clip(step, -2, 2)
            if not np.nanmax(np.abs(step), initial=0.0) > 1e-8:
                break
    hits = (weight * case).sum(axis=1)
    return np.where((hits > 0) & (hits < weight.sum(axis=1)), moved, np.nan)


def spline(x: Floats, knots: Floats) -> Floats:
    """Return a restricted cubic spline with three knots: columns 1, x and a bend. Coinciding knots give no bend.

    Args:
        x: (n,). knots: (B, 3).

    Returns:
        (B, n, 3)
    """
    low, middle, high = (knots[:, i, None] for i in range(3))
    usable = (high - low >= 1e-9) & (middle > low) & (middle < high)
    below, above = np.where(usable, middle - low, 1.0), np.where(usable, high - middle, 1.0)

    def cube(knot: Floats) -> Floats:
        return np.maximum(x[None, :] - knot, 0) ** 3

    bend = cube(low) - cube(middle) * (high - low) / above + cube(high) * below / above
    bend = np.where(usable, bend / np.where(usable, high - low, 1.0) ** 2, 0.0)
    return np.stack([np.ones_like(bend), np.broadcast_to(x, bend.shape), bend], axis=2)


def _at_risk(leaving: Counts) -> Counts:
    return np.maximum(np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1], 1e-300)

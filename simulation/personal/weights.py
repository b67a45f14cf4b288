"""Tempered importance weights, effective sample size and weighted quantiles."""

from __future__ import annotations

import numpy as np

from simulation.engine.course import Array


def effective_size(weights: Array) -> float:
    """Kish's effective sample size of normalised weights of shape (members,)."""
    return float(1.0 / np.sum(weights**2))


def tempered(
    log_likelihood: Array, smallest: float, *, most: float = 1.0, offset: Array | None = None
) -> tuple[Array, float]:
    """Weights proportional to ``exp(offset + temper * log_likelihood)``, as sharp as the ensemble can bear.

    Args:
        log_likelihood: shape (members,); NaN or -inf for members whose solve failed.
        smallest: effective sample size below which the likelihood is tempered.
        offset: log of prior over proposal where members were not drawn from the prior; tempered with the likelihood, so
            that an ensemble that cannot bear it stays what was drawn.
        most: largest exponent; below 1 where errors of the data are correlated in time.

    Returns:
        weights of shape (members,), summing to one, and the exponent.

    Raises:
        ValueError: no member could be simulated.
    """
    usable = np.where(np.isfinite(log_likelihood), log_likelihood, -np.inf)
    if not np.isfinite(usable).any():
        raise ValueError("no member of the prior ensemble could be simulated")
    possible = np.isfinite(usable)
    scaled = np.where(possible, usable - usable.max(), 0.0)
    shift = (offset if offset is not None else np.zeros(len(usable))) / most

    def at(exponent: float) -> Array:
        logs = exponent * (scaled + shift)
        weights = np.where(possible, np.exp(logs - logs[possible].max()), 0.0)
        return np.asarray(weights / weights.sum())

    weights = at(most)
    if effective_size(weights) >= smallest:
        return weights, most
    low, high = 0.0, most
    for _ in range(60):
        middle = 0.5 * (low + high)
        if effective_size(at(middle)) >= smallest:
            low = middle
        else:
            high = middle
    return at(low), low


def quantiles(values: Array, weights: Array, levels: tuple[float, ...]) -> Array:
    """Weighted quantiles over the last axis.

    Args:
        values: shape (times, members).
        weights: shape (members,), summing to one.

    Returns:
        shape (levels, times).
    """
    order = np.argsort(values, axis=1)
    ranked = np.take_along_axis(values, order, axis=1)
    cumulated = np.cumsum(weights[order], axis=1)
    found = np.empty((len(levels), len(values)))
    for number, level in enumerate(levels):
        index = np.minimum((cumulated < level).sum(axis=1), values.shape[1] - 1)
        found[number] = ranked[np.arange(len(values)), index]
    return found

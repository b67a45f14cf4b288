"""Non-parametric survival: Kaplan–Meier, Aalen–Johansen, and inverse probability of censoring weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Events = NDArray[np.int64]


@dataclass(frozen=True)
class Step:
    """A right-continuous step function: ``values[i]`` from ``times[i]`` on, ``start`` before."""

    times: Floats
    values: Floats
    start: float

    def at(self, time: Floats | float, *, before: bool = False) -> Floats:
        """Return the value at ``time``, or just before it."""
        index = np.searchsorted(self.times, time, side="left" if before else "right")
        return np.concatenate([[self.start], self.values])[index]


def kaplan_meier(time: Floats, happened: NDArray[np.bool_], weight: Floats | None = None) -> Step:
    """Return the survival function of ``happened`` (n,) with everything else censored."""
    return _product_limit(time, happened, weight)


def aalen_johansen(time: Floats, event: Events, weight: Floats | None = None) -> Step:
    """Return the cumulative incidence of event 1 in the presence of competing events (2); 0 is censored."""
    times, at_risk, deaths = _counts(time, [event == 1, event == 2], weight)
    survival = np.cumprod(1 - (deaths[0] + deaths[1]) / at_risk)
    before = np.concatenate([[1.0], survival[:-1]])
    return Step(times, np.cumsum(before * deaths[0] / at_risk), 0.0)


def censoring(time: Floats, event: Events, weight: Floats | None = None) -> Step:
    """Return the probability of still being uncensored; at ties, events come before censoring."""
    # moving the events a hair ahead of the censorings removes them from the risk set first
    order = np.where(event == 0, time, np.nextafter(time, 0))
    return _product_limit(order, event == 0, weight)


def weights(time: Floats, event: Events, at_days: float) -> Floats:
    """Return inverse-probability-of-censoring weights (n,) for the status at ``at_days``; 0 where it is unknown.

    Whoever is censored exactly at ``at_days`` is known to be free of the event by then: follow-up that ends with the
    horizon is complete.
    """
    function = censoring(time, event)
    seen = (time <= at_days) & (event > 0)
    beyond = (time > at_days) | ((time == at_days) & (event == 0))
    with np.errstate(divide="ignore"):
        found = np.where(seen, 1 / function.at(time, before=True), 0.0)
        found = np.where(beyond, 1 / function.at(at_days, before=True), found)
    return np.where(np.isfinite(found), found, 0.0)


def _product_limit(time: Floats, happened: NDArray[np.bool_], weight: Floats | None) -> Step:
    times, at_risk, deaths = _counts(time, [happened], weight)
    return Step(times, np.cumprod(1 - deaths[0] / at_risk, dtype=np.float64), 1.0)


def _counts(time: Floats, kinds: list[NDArray[np.bool_]], weight: Floats | None) -> tuple[Floats, Floats, list[Floats]]:
    weight = np.ones(len(time)) if weight is None else weight
    times, position = np.unique(time, return_inverse=True)
    leaving = np.bincount(position, weight, minlength=len(times))
    at_risk = np.maximum(leaving[::-1].cumsum()[::-1], 1e-300)
    return times, at_risk, [np.bincount(position, weight * kind, minlength=len(times)).astype(float) for kind in kinds]

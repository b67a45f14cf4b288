"""Fitting `type_1_glucose` to a person's sensor record, and forecasting what comes after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from simulation.engine.course import Array, Course, Mask
from simulation.engine.vectorised import simulate
from simulation.models import catalogue
from simulation.personal.glucose_record import GlucoseRecord, as_interventions
from simulation.personal.weights import effective_size, quantiles, tempered

MODEL = "type_1_glucose"
SENSOR_SD = 15.0
"""mg/dL: error of a subcutaneous sensor, with what the model leaves out."""
IMPOSSIBLE = 3000.0
"""mg/dL: a member that goes beyond was not solved, or is no person."""
SMALLEST_ENSEMBLE = 80.0
"""Effective members that must remain; the likelihood is tempered until they do."""
LEVELS = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Forecast:
    """A forecast at the times after the fitted record: mean and the quantiles of `LEVELS`, shape (times,)."""

    minutes: Array
    mean: Array
    p05: Array
    p50: Array
    p95: Array

    def rmse(self, truth: Array) -> float:
        """Root mean square error against ``truth``, where it is known."""
        known = ~np.isnan(truth)
        return float(np.sqrt(np.mean((self.mean - truth)[known] ** 2)))

    def coverage(self, truth: Array) -> float:
        """Share of known values within the 90 % interval."""
        known = ~np.isnan(truth)
        return float(np.mean(((self.p05 <= truth) & (truth <= self.p95))[known]))

    @property
    def width(self) -> float:
        """Mean width of the 90 % interval."""
        return float(np.mean(self.p95 - self.p05))


@dataclass(frozen=True)
class Fit:
    """What was learnt of a person.

    Attributes:
        status: ``fitted``, or ``prior`` where the fit explained held-back data worse than the prior did.
        weights: shape (members,).
        quantiles: parameter → p05, p50, p95 of the posterior.
    """

    status: str
    reason: str
    weights: Array
    effective: float
    temper: float
    n_observed: int
    n_failed: int
    posterior: Forecast
    prior: Forecast
    quantiles: dict[str, tuple[float, float, float]] = field(default_factory=dict)


def fit(record: GlucoseRecord, members: Mapping[str, Array], until: float, *, held_back: float = 0.25) -> Fit:
    """Weight a prior ensemble by a record up to a minute and forecast the rest.

    Future meals and insulin are taken as known. The last part of the fitted record is first held back: if the members
    that explain the earlier part forecast it worse than the prior does, the prior is kept.

    Args:
        members: parameter → shape (members,), as from `population.ensemble`.
        until: minute up to which sensor values are used.
        held_back: share of the fitted record that judges the fit.

    Raises:
        ValueError: nothing was observed before ``until``, or no member could be simulated.
    """
    glucose = _simulated(record, members)
    failed = np.asarray(~(np.abs(glucose) <= IMPOSSIBLE).all(axis=0))
    n = len(failed)
    fitted = (record.minutes <= until) & ~np.isnan(record.sensor)
    if fitted.sum() < 3:
        raise ValueError(f"{int(fitted.sum())} sensor values before minute {until:g}; at least 3 are needed")
    usable = np.where(failed, np.nan, 1.0)
    glucose = np.where(failed, np.nan, glucose)
    even = np.where(failed, 0.0, 1.0) / max(n - failed.sum(), 1)
    weights, temper = tempered(_log_likelihood(record, glucose, fitted) * usable, SMALLEST_ENSEMBLE)

    first = fitted & (record.minutes <= until * (1 - held_back))
    second = fitted & ~first
    status, reason = "fitted", ""
    if first.sum() >= 3 and second.sum() >= 3:
        early, _ = tempered(_log_likelihood(record, glucose, first) * usable, SMALLEST_ENSEMBLE)
        at = record.sensor[second]
        by_fit = _forecast(record, glucose, early, second).rmse(at)
        by_prior = _forecast(record, glucose, even, second).rmse(at)
        if by_fit > by_prior:
            status = "prior"
            reason = f"held-back sensor values: RMSE {by_fit:.1f} mg/dL after fitting, {by_prior:.1f} before"
            weights, temper = even, 0.0
    later = record.minutes > until
    return Fit(
        status,
        reason,
        weights,
        effective_size(weights),
        temper,
        int(fitted.sum()),
        int(failed.sum()),
        _forecast(record, glucose, weights, later),
        _forecast(record, glucose, even, later),
        {
            name: tuple(float(q) for q in quantiles(values[None, :], weights, LEVELS)[:, 0])  # type: ignore[misc]
            for name, values in members.items()
        },
    )


def _simulated(record: GlucoseRecord, members: Mapping[str, Array]) -> Array:
    """Subcutaneous glucose of every member at the record's times, shape (samples, members)."""
    weight = float(members["BW"][0])
    course = Course(duration=float(record.minutes[-1]), steps=len(record.minutes) - 1, variables=("G_sc",))
    changes = dict(members.items())
    return simulate(
        catalogue.compiled(MODEL),
        course,
        len(members["BW"]),
        changes,
        as_interventions(record, weight),
        step=min(record.interval, 1.5),  # longer steps are unstable for small people, whose insulin is cleared fast
    )["G_sc"]


def _log_likelihood(record: GlucoseRecord, glucose: Array, which: Mask) -> Array:
    """Gaussian in the sensor's error, shape (members,)."""
    misfit = (glucose[which] - record.sensor[which][:, None]) / SENSOR_SD
    return -0.5 * np.sum(misfit**2, axis=0)


def _forecast(record: GlucoseRecord, glucose: Array, weights: Array, which: Mask) -> Forecast:
    used = weights > 0
    part, mine = glucose[np.ix_(np.flatnonzero(which), np.flatnonzero(used))], weights[used]
    low, middle, high = quantiles(part, mine, LEVELS)
    return Forecast(record.minutes[which], part @ mine, low, middle, high)

"""Fitting `type_1_glucose` to a person's sensor record, and forecasting what comes after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from simulation.engine.course import Array, Course, Mask
from simulation.engine.vectorised import simulate
from simulation.models import catalogue
from simulation.personal.glucose_record import GlucoseRecord, as_interventions
from simulation.personal.population import Prior
from simulation.personal.weights import effective_size, quantiles, tempered

MODEL = "type_1_glucose"
SENSOR_SD = 15.0
"""mg/dL: error of a subcutaneous sensor, with what the model leaves out."""
CORRELATED = 45.0
"""Minutes over which errors of a sensor go together (autocorrelation .7 at 15 min, Breton 2008: about 3 x 15 min)."""
IMPOSSIBLE = 3000.0
"""mg/dL: a member that goes beyond was not solved, or is no person."""
SMALLEST_SHARE = 0.3
"""Share of the members that must effectively remain; the likelihood is tempered until they do."""
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


def fit(
    record: GlucoseRecord, prior: Prior, until: float, *, members: int = 1_000, rounds: int = 3, seed: int = 1
) -> Fit:
    """Weight an ensemble by a record up to a minute and forecast the rest.

    Population Monte Carlo: the first round draws from the prior, every later one from a normal distribution around
    what the round before found plausible; weights are prior times tempered likelihood over proposal. Errors of a
    sensor go together for minutes, so the likelihood never counts more than one sample in `CORRELATED`. Future meals
    and insulin are taken as known. Where the fit explains the fitted record worse than the prior does, the prior stays.

    Args:
        until: minute up to which sensor values are used.
        members: people simulated per round.

    Raises:
        ValueError: fewer than three values before ``until``, or no member could be simulated.
    """
    fitted: Mask = (record.minutes <= until) & ~np.isnan(record.sensor)
    later: Mask = record.minutes > until
    if fitted.sum() < 3 or later.sum() < 1:
        raise ValueError(f"{int(fitted.sum())} sensor values before minute {until:g} and {int(later.sum())} after it")
    generator = np.random.default_rng(seed)
    most = min(1.0, record.interval / CORRELATED)
    mean, covariance = prior.mean, prior.covariance
    first: tuple[Array, Array] | None = None
    for number in range(rounds):
        z = generator.multivariate_normal(mean, covariance, members, method="cholesky")
        glucose = _simulated(record, prior.parameters(z))
        failed = ~(np.abs(glucose) <= IMPOSSIBLE).all(axis=0)
        glucose = np.where(failed, 0.0, glucose)
        if first is None:
            even = np.where(failed, 0.0, 1.0)
            first = glucose, even / max(even.sum(), 1.0)
        offset = np.zeros(members)
        if number:
            offset = _log_density(z, prior.mean, prior.covariance) - _log_density(z, mean, covariance)
        likelihood = np.where(failed, -np.inf, _log_likelihood(record, glucose, fitted))
        weights, temper = tempered(likelihood, SMALLEST_SHARE * members, most=most, offset=offset)
        mean = weights @ z
        spread = (z - mean) * np.sqrt(weights)[:, None]
        # A little of the prior stays in the proposal, so that what a small sample missed can still be found.
        covariance = 0.8 * spread.T @ spread + 0.2 * prior.covariance
    assert first is not None
    before = _forecast(record, first[0], first[1], fitted).rmse(record.sensor[fitted])
    after = _forecast(record, glucose, weights, fitted).rmse(record.sensor[fitted])
    status, reason = "fitted", ""
    if after > before:
        status, reason = "prior", f"RMSE on the fitted record {after:.1f} mg/dL after fitting, {before:.1f} before"
        (glucose, weights), temper = first, 0.0
    return Fit(
        status,
        reason,
        weights,
        effective_size(weights),
        temper,
        int(fitted.sum()),
        int(failed.sum()),
        _forecast(record, glucose, weights, later),
        _forecast(record, *first, later),
        {
            name: (float(low), float(middle), float(high))
            for name, values in prior.parameters(z).items()
            for low, middle, high in [quantiles(values[None, :], weights, LEVELS)[:, 0]]
        },
    )


def _log_density(z: Array, mean: Array, covariance: Array) -> Array:
    """Logarithm of a normal density up to a constant, shape (members,)."""
    factor = np.linalg.cholesky(covariance)
    scaled = np.linalg.solve(factor, (z - mean).T)
    found: Array = -0.5 * np.sum(scaled**2, axis=0) - np.log(np.diag(factor)).sum()
    return found


def _simulated(record: GlucoseRecord, members: Mapping[str, Array]) -> Array:
    """Subcutaneous glucose of every member at the record's times, shape (samples, members)."""
    weight = float(members["BW"][0])
    course = Course(duration=float(record.minutes[-1]), steps=len(record.minutes) - 1, variables=("G_sc",))
    return simulate(
        catalogue.compiled(MODEL),
        course,
        len(members["BW"]),
        members,
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

"""Fitting `type_1_glucose` to a person's sensor record, and forecasting what comes after it."""

from __future__ import annotations

import hashlib
import json
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
class Posterior:
    """What a fit hands to the next one, when more of the record has come.

    Attributes:
        until: minute up to which the record was used.
        digest: of the values that were used and of the prior: whether a record goes on from here.
        mean, covariance: of a normal distribution on the prior's scale; shape (dimensions,), and twice that.
    """

    until: float
    digest: str
    mean: Array
    covariance: Array

    def as_json(self) -> str:
        """Text for a file."""
        arrays = {"mean": self.mean.tolist(), "covariance": self.covariance.tolist()}
        return json.dumps({"until": self.until, "digest": self.digest, **arrays})


def posterior(text: str) -> Posterior:
    """What `Posterior.as_json` wrote.

    Raises:
        ValueError: the text is something else.
    """
    try:
        found = json.loads(text)
        mean, covariance = (np.array(found[name], dtype=float) for name in ("mean", "covariance"))
        if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
            raise ValueError(f"a covariance of shape {covariance.shape} for {mean.shape}")
        return Posterior(float(found["until"]), str(found["digest"]), mean, covariance)
    except KeyError as missing:
        raise ValueError(f"no state of an earlier fit: it lacks {missing}; delete it to fit anew") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"no state of an earlier fit: {error}; delete it to fit anew") from None


@dataclass(frozen=True)
class Fit:
    """What was learnt of a person.

    Attributes:
        status: ``fitted``, or ``prior`` where the fit explained held-back data worse than the prior did.
        weights: shape (members,).
        quantiles: parameter → p05, p50, p95 of the posterior.
        learnt: where the next fit of the same person begins.
        simulated: people simulated for the fit.
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
    learnt: Posterior
    simulated: int
    quantiles: dict[str, tuple[float, float, float]] = field(default_factory=dict)


def fit(
    record: GlucoseRecord, prior: Prior, until: float, *, members: int = 1_000, rounds: int = 3, seed: int = 1,
    start: Posterior | None = None,
) -> Fit:  # fmt: skip
    """Weight an ensemble by a record up to a minute and forecast the rest.

    Population Monte Carlo: the first round draws from the prior, every later one from a normal distribution around
    what the round before found plausible; weights are prior times tempered likelihood over proposal. Errors of a
    sensor go together for minutes, so the likelihood never counts more than one sample in `CORRELATED`. Future meals
    and insulin are taken as known. Where the fit explains the fitted record worse than the prior does, the prior stays.

    Args:
        until: minute up to which sensor values are used.
        members: people simulated per round.
        start: what an earlier fit to the beginning of the same record learnt. One round from there does what three do
            from the prior, for less than half of the people; weights still are prior times likelihood of the whole
            record over proposal, so that the posterior is the same but for the draws.

    Raises:
        ValueError: fewer than three values before ``until``, no member could be simulated, or ``start`` was learnt of
            other data.
    """
    fitted: Mask = (record.minutes <= until) & ~np.isnan(record.sensor)
    later: Mask = record.minutes > until
    if fitted.sum() < 3 or later.sum() < 1:
        raise ValueError(f"{int(fitted.sum())} sensor values before minute {until:g} and {int(later.sum())} after it")
    generator = np.random.default_rng(seed)
    most = min(1.0, record.interval / CORRELATED)
    mean, covariance = prior.mean, prior.covariance
    before_any = members
    if start is not None:
        if start.until > until or start.digest != digest(record, prior, start.until):
            raise ValueError("what was learnt before is of another record or prior; fit anew")
        before_any, rounds = max(members // 4, 20), 2
    first: tuple[Array, Array] | None = None
    for number in range(rounds):
        people = members if number else before_any
        z = generator.multivariate_normal(mean, covariance, people, method="cholesky")
        glucose, failed = _solved(record, prior.parameters(z))
        if first is None:
            even = np.where(failed, 0.0, 1.0)
            first = glucose, even / max(even.sum(), 1.0)
            if start is not None:
                mean, covariance = start.mean, start.covariance
                continue
        offset = np.zeros(people)
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
        Posterior(until, digest(record, prior, until), mean, covariance),
        before_any + (rounds - 1) * members,
        {
            name: (float(low), float(middle), float(high))
            for name, values in prior.parameters(z).items()
            for low, middle, high in [quantiles(values[None, :], weights, LEVELS)[:, 0]]
        },
    )


def digest(record: GlucoseRecord, prior: Prior, until: float) -> str:
    """Identity of the values that a fit up to a minute uses, and of its prior."""
    used = record.minutes <= until
    parts = (record.minutes, record.sensor, record.carbohydrate, record.insulin)
    text = [np.ascontiguousarray(part[used]).tobytes() for part in parts]
    return hashlib.sha256(b"".join([*text, prior.mean.tobytes(), prior.covariance.tobytes()])).hexdigest()


def _log_density(z: Array, mean: Array, covariance: Array) -> Array:
    """Logarithm of a normal density up to a constant, shape (members,)."""
    factor = np.linalg.cholesky(covariance)
    scaled = np.linalg.solve(factor, (z - mean).T)
    found: Array = -0.5 * np.sum(scaled**2, axis=0) - np.log(np.diag(factor)).sum()
    return found


def _solved(record: GlucoseRecord, members: Mapping[str, Array]) -> tuple[Array, Mask]:
    """Glucose of every member, shape (samples, members), and who was not solved; nought stands for them."""
    glucose = _simulated(record, members)
    failed: Mask = np.asarray(~(np.abs(glucose) <= IMPOSSIBLE).all(axis=0))
    return np.where(failed, 0.0, glucose), failed


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

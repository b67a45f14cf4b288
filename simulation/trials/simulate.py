"""Trials of virtual people: a score learnt on historical controls, randomisation with a seed, analyses compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulation.engine.course import Array
from simulation.trials.analyse import Estimates, adjusted, persons_needed, unadjusted

BATCH = 500
"""Trials analysed together."""


class BadSpec(ValueError):
    """A trial's description that cannot be used; the message names the field."""


class Spec(BaseModel):
    """A two-arm trial with a continuous outcome.

    The outcome is ``sum(weight * covariate) + curvature * first covariate squared + effect * treated + noise``
    with standard normal covariates: what twins differ in by what is known of them, and what is not known (noise).
    Without noise a trial of twins would have absurd power.

    Attributes:
        persons: in both arms together; half are treated.
        effect: true effect, in units of the outcome.
        noise: standard deviation of what no covariate tells.
        weights: of the covariates that are known before the trial.
        historical: control persons outside the trial on which the score is learnt.
        trials: how many trials are simulated.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    persons: int = Field(ge=8, le=100_000)
    effect: float
    noise: float = Field(gt=0)
    weights: tuple[float, ...] = Field(min_length=1, max_length=50)
    curvature: float = 0.0
    historical: int = Field(default=5_000, ge=50, le=1_000_000)
    trials: int = Field(default=1_000, ge=1, le=20_000)
    seed: int = 1


@dataclass(frozen=True)
class Outcome:
    """What the analyses of many simulated trials showed.

    Attributes:
        r2: share of the outcome's variance in controls that the score explains, in the trials.
        variance_ratio: variance of the adjusted over the unadjusted estimate; theory says ``1 - r2``.
        error_unadjusted, error_adjusted: mean standard error of a trial's estimate.
        power_unadjusted, power_adjusted: share of trials with a two-sided p below 0.05.
        persons_needed: for the power of the unadjusted analysis.
    """

    name: str
    trials: int
    r2: float
    variance_ratio: float
    expected_ratio: float
    bias_unadjusted: float
    bias_adjusted: float
    coverage_unadjusted: float
    coverage_adjusted: float
    error_unadjusted: float
    error_adjusted: float
    power_unadjusted: float
    power_adjusted: float
    persons: int
    persons_needed: int
    note: str = "research use, not for care"

    def as_dict(self) -> dict[str, Any]:
        """All fields by name."""
        return asdict(self)


def read_spec(path: Path) -> Spec:
    """Read a trial's YAML.

    Raises:
        BadSpec: it is not YAML, or a field is wrong; the message names it.
    """
    try:
        return Spec(**yaml.safe_load(path.read_text()))
    except (yaml.YAMLError, TypeError) as error:
        raise BadSpec(f"{path.name} is no mapping of fields: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSpec(f"{path.name}, {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def run(spec: Spec) -> Outcome:
    """Simulate the trials of a specification and analyse each without and with the prognostic score."""
    generator = np.random.default_rng(spec.seed)
    x, y = _people(spec, generator, (spec.historical,))
    score = _learnt(x, y)
    plain: list[Estimates] = []
    with_score: list[Estimates] = []
    shares = []
    for first in range(0, spec.trials, BATCH):
        shape = (min(BATCH, spec.trials - first), spec.persons)
        x, y = _people(spec, generator, shape)
        treated = _randomised(generator, shape)
        predicted = score(x)
        shares.append(_explained(y, predicted))
        outcome = y + spec.effect * treated
        plain.append(unadjusted(outcome, treated))
        with_score.append(adjusted(outcome, treated, predicted))
    before, after = _joined(plain), _joined(with_score)
    r2 = float(np.mean(shares))
    return Outcome(
        spec.name,
        spec.trials,
        r2,
        float(after.effect.var(ddof=1) / before.effect.var(ddof=1)) if spec.trials > 1 else float("nan"),
        1 - r2,
        float(before.effect.mean() - spec.effect),
        float(after.effect.mean() - spec.effect),
        before.coverage(spec.effect),
        after.coverage(spec.effect),
        float(before.error.mean()),
        float(after.error.mean()),
        1 - before.coverage(0.0),
        1 - after.coverage(0.0),
        spec.persons,
        persons_needed(spec.persons, max(r2, 0.0)),
    )


def _people(spec: Spec, generator: np.random.Generator, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Covariates of shape (..., covariates) and outcomes under control of shape (...)."""
    x = generator.standard_normal((*shape, len(spec.weights)))
    known = x @ np.array(spec.weights) + spec.curvature * x[..., 0] ** 2
    return x, known + spec.noise * generator.standard_normal(shape)


def _randomised(generator: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Exactly half of every trial is treated."""
    half = np.zeros(shape)
    half[:, : shape[1] // 2] = 1.0
    return generator.permuted(half, axis=1)


def _learnt(x: Array, y: Array) -> Any:
    """A score from historical controls: least squares on covariates and their squares."""

    def expanded(values: Array) -> Array:
        return np.concatenate([values, values**2, np.ones((*values.shape[:-1], 1))], axis=-1)

    beta, *_ = np.linalg.lstsq(expanded(x), y, rcond=None)
    return lambda values: expanded(values) @ beta


def _explained(y: Array, score: Array) -> Array:
    """Squared correlation of outcome under control and score, per trial."""
    a, b = y - y.mean(axis=1, keepdims=True), score - score.mean(axis=1, keepdims=True)
    r2: Array = (a * b).sum(axis=1) ** 2 / ((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return r2


def _joined(parts: list[Estimates]) -> Estimates:
    return Estimates(np.concatenate([one.effect for one in parts]), np.concatenate([one.error for one in parts]))

"""The clinical equation as a candidate: as published, and recalibrated to this population in discrete time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml.equations import evaluate, get
from ml.equations.base import EquationResult
from ml.features.spec import Column
from ml.models.discrete import NEVER, Floats, expand, logistic_fit
from ml.models.fitted import Fitted, Sample, quantiles
from ml.task import EquationUse

Periods = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]


def equation_result(use: EquationUse, columns: tuple[Column, ...], values: Floats) -> EquationResult:
    """Evaluate a task's equation on the design matrix; which feature feeds which input stands in the task."""
    names = [column.name for column in columns]
    return evaluate(get(use.name), {to: values[:, names.index(feature)] for to, feature in use.inputs.items()})


def check_units(use: EquationUse, columns: tuple[Column, ...]) -> None:
    """Refuse a task that feeds an equation a feature in another unit.

    Raises:
        ValueError: an unknown feature or input, or a unit that differs.
    """
    units = {column.name: column.unit for column in columns}
    expected = {one.name: one.unit for one in get(use.name).inputs}
    for to, feature in use.inputs.items():
        if to not in expected:
            raise ValueError(f"{use.name} has no input {to!r}; its inputs are: {', '.join(expected)}")
        if feature not in units:
            raise ValueError(f"{use.name}.{to} is fed by {feature!r}, which the feature set does not have")
        if units[feature] != expected[to]:
            raise ValueError(f"{use.name}.{to} expects {expected[to]}, but {feature!r} is in {units[feature]}")


def interval_logit(fitted: Fitted, values: Floats) -> Floats:
    """Return the equation's log odds of the event in one interval (n,), its risk spread evenly over its horizon."""
    use = _use(fitted)
    risk = np.clip(equation_result(use, fitted.columns, values).risk, 1e-6, 1 - 1e-6)
    length = float(fitted.cuts[1] - fitted.cuts[0])
    survival = (1 - risk) ** (length / get(use.name).horizon_days)
    return np.log((1 - survival) / survival)


def _use(fitted: Fitted) -> EquationUse:
    if fitted.equation is None:
        raise ValueError(f"model {fitted.spec.name!r} needs an equation, and the task declares none")
    return fitted.equation


def equation_contributions(fitted: Fitted, values: Floats) -> Floats:
    """Return by feature how far it moves the equation's logit against the training people (n, p).

    One input at a time is put to five values that the training people have (quantiles), and the average taken, so
    that a value as good as the best still counts for something. Interactions count to each of their inputs.
    """
    full = interval_logit(fitted, values)
    added = np.zeros_like(values)
    for feature in set(_use(fitted).inputs.values()):
        number = fitted.number(feature)
        if (others := fitted.params["quantiles"][number]) is None:
            continue
        changed = values.copy()
        moved = np.zeros(len(values))
        for other in others:
            changed[:, number] = other
            moved += full - interval_logit(fitted, changed)
        added[:, number] = np.where(np.isnan(values[:, number]), 0.0, np.nan_to_num(moved / len(others)))
    return added


@dataclass(frozen=True)
class _AsPublished:
    """The equation's own risk; it says nothing about competing death."""

    def fit(self, fitted: Fitted, sample: Sample, **_: int) -> Fitted:
        return replace(fitted, params={"quantiles": quantiles(sample.values)})

    def margins(self, fitted: Fitted, values: Floats) -> Floats:
        intervals = len(fitted.cuts) - 1
        event = np.repeat(interval_logit(fitted, values)[:, None], intervals, axis=1)
        return np.stack([event, np.full_like(event, NEVER)], axis=2)

    def contributions(self, fitted: Fitted, values: Floats) -> Floats:
        return equation_contributions(fitted, values)


def fit_line(covariate: Floats, periods: Periods, kind: int, start: list[float]) -> list[float]:
    """Fit the log odds of one kind of end of a person-period: [intercept, slope on a covariate (n,), trend].

    Args:
        periods: rows, intervals, labels and number of intervals, from ``discrete.expand``.
        start: prior means; events outweigh them.
    """
    row, interval, label, width = periods
    used = (label == 0) | (label == kind)
    design = np.column_stack([np.ones(used.sum()), covariate[row[used]], interval[used] - (width - 1) / 2])
    hit = (label[used] == kind).astype(float)
    return list(map(float, logistic_fit(design, hit, np.array([1e-2, 4.0, 25.0]), np.array(start))))


def line(coefficients: list[float], covariate: Floats, width: int) -> Floats:
    """Return the margins (n, width) of a fitted line."""
    intercept, slope, trend = coefficients
    return np.asarray(intercept + slope * covariate[:, None] + trend * (np.arange(width) - (width - 1) / 2)[None, :])


def decades(fitted: Fitted, values: Floats) -> Floats:
    """Return age above 60 in decades: what death without the outcome depends on. 0 where age is unknown."""
    if "age_years" not in {column.name for column in fitted.columns}:
        return np.zeros(len(values))
    return np.nan_to_num((values[:, fitted.number("age_years")] - 60) / 10)


def fit_death(fitted: Fitted, sample: Sample, periods: Periods) -> list[float]:
    """Fit the competing event by age; mortality rises about exp(0.9) per decade."""
    return fit_line(decades(fitted, sample.values), periods, 2, [-5.0, 0.9, 0.0])


def death_margins(fitted: Fitted, values: Floats, coefficients: list[float]) -> Floats:
    """Return the competing event's margins (n, K) from what ``fit_death`` found."""
    return line(coefficients, decades(fitted, values), len(fitted.cuts) - 1)


@dataclass(frozen=True)
class _Recalibrated:
    """Intercept, slope and trend over follow-up for the event; age and trend for the competing event.

    ``params``: event [intercept, slope on the equation's interval logit, trend per interval], competing [intercept,
    per ten years of age above 60, trend].
    """

    def fit(self, fitted: Fitted, sample: Sample, **_: int) -> Fitted:
        width = len(fitted.cuts) - 1
        row, interval, label = expand(sample.time, sample.event, fitted.cuts)
        periods = (row, interval, label, width)
        logit = interval_logit(fitted, sample.values)
        usual = float(np.nanmedian(logit))
        logit = np.where(np.isnan(logit), usual, logit)
        return replace(
            fitted,
            params={
                "quantiles": quantiles(sample.values),
                "usual_logit": usual,
                "event": fit_line(logit, periods, 1, [0.0, 1.0, 0.0]),
                "competing": fit_death(fitted, sample, periods),
            },
        )

    def margins(self, fitted: Fitted, values: Floats) -> Floats:
        width = len(fitted.cuts) - 1
        logit = interval_logit(fitted, values)
        logit = np.where(np.isnan(logit), fitted.params["usual_logit"], logit)
        event = line(fitted.params["event"], logit, width)
        return np.stack([event, death_margins(fitted, values, fitted.params["competing"])], axis=2)

    def contributions(self, fitted: Fitted, values: Floats) -> Floats:
        return fitted.params["event"][1] * equation_contributions(fitted, values)


AS_PUBLISHED = _AsPublished()
RECALIBRATED = _Recalibrated()

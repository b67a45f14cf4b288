"""The clinical equation as a candidate: as published, and recalibrated to this population in discrete time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ml.equations import evaluate, get
from ml.equations.base import EquationResult
from ml.features.spec import Column
from ml.models.discrete import NEVER, Floats, expand, logistic_fit
from ml.models.fitted import Fitted, Sample, quantiles
from ml.task import EquationUse


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
    risk = np.clip(equation_result(fitted.equation, fitted.columns, values).risk, 1e-6, 1 - 1e-6)
    length = float(fitted.cuts[1] - fitted.cuts[0])
    survival = (1 - risk) ** (length / get(fitted.equation.name).horizon_days)
    return np.log((1 - survival) / survival)


def equation_contributions(fitted: Fitted, values: Floats) -> Floats:
    """Return by feature how far it moves the equation's logit against the training people (n, p).

    One input at a time is put to five values that the training people have (quantiles), and the average taken, so
    that a value as good as the best still counts for something. Interactions count to each of their inputs.
    """
    full = interval_logit(fitted, values)
    added = np.zeros_like(values)
    for feature in set(fitted.equation.inputs.values()):
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


@dataclass(frozen=True)
class _Recalibrated:
    """Intercept, slope and trend over follow-up for the event; age and trend for the competing event.

    ``params``: event [intercept, slope on the equation's interval logit, trend per interval], competing [intercept,
    per ten years of age above 60, trend].
    """

    def fit(self, fitted: Fitted, sample: Sample, **_: int) -> Fitted:
        row, interval, label = expand(sample.time, sample.event, fitted.cuts)
        logit = interval_logit(fitted, sample.values)
        usual = float(np.nanmedian(logit))
        logit = np.where(np.isnan(logit), usual, logit)
        decades = (sample.values[:, fitted.number("age_years")] - 60) / 10
        middle = (len(fitted.cuts) - 2) / 2
        params: dict[str, object] = {"quantiles": quantiles(sample.values), "usual_logit": usual}
        for kind, name, covariate, slope in ((1, "event", logit, 1.0), (2, "competing", decades, 0.9)):
            used = (label == 0) | (label == kind)
            hit = (label[used] == kind).astype(float)
            design = np.column_stack([np.ones(used.sum()), covariate[row[used]], interval[used] - middle])
            # priors: the published slope (mortality rises about exp(0.9) per decade), no trend; events outweigh them
            start = np.array([0.0 if kind == 1 else -5.0, slope, 0.0])
            params[name] = list(map(float, logistic_fit(design, hit, np.array([1e-2, 4.0, 25.0]), start)))
        return replace(fitted, params=params)

    def margins(self, fitted: Fitted, values: Floats) -> Floats:
        logit = interval_logit(fitted, values)
        logit = np.where(np.isnan(logit), fitted.params["usual_logit"], logit)
        decades = (values[:, fitted.number("age_years")] - 60) / 10
        trend = np.arange(len(fitted.cuts) - 1) - (len(fitted.cuts) - 2) / 2
        both = []
        for name, covariate in (("event", logit), ("competing", decades)):
            intercept, slope, drift = fitted.params[name]
            both.append(intercept + slope * covariate[:, None] + drift * trend[None, :])
        return np.stack(both, axis=2)

    def contributions(self, fitted: Fitted, values: Floats) -> Floats:
        return fitted.params["event"][1] * equation_contributions(fitted, values)


AS_PUBLISHED = _AsPublished()
RECALIBRATED = _Recalibrated()

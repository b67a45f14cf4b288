"""What a fitted model is, and the table of kinds: each kind knows how to fit, to give margins and to explain them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.features.spec import Column
from ml.task import EquationUse, ModelSpec

if TYPE_CHECKING:
    import lightgbm

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Rows to learn from: features (n, p), follow-up in days (n,), event 0/1/2 (n,) and person (n,)."""

    columns: tuple[Column, ...]
    values: Floats
    time: Floats
    event: NDArray[np.int64]
    person: NDArray[np.int64]

    def take(self, rows: NDArray[Any]) -> Sample:
        """Return the given rows (mask or indices)."""
        return Sample(self.columns, self.values[rows], self.time[rows], self.event[rows], self.person[rows])


@dataclass(frozen=True)
class Fitted:
    """A fitted model of one kind: JSON parameters and, for trees, a booster per cause. Nothing else; no pickles."""

    spec: ModelSpec
    equation: EquationUse | None
    columns: tuple[Column, ...]
    cuts: Floats
    params: dict[str, Any] = field(default_factory=dict)
    boosters: dict[str, lightgbm.Booster] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """Return the position of a feature in the design matrix."""
        return [column.name for column in self.columns].index(name)


def fit(
    spec: ModelSpec, equation: EquationUse | None, sample: Sample, cuts: Floats, *, threads: int = 0, seed: int = 0
) -> Fitted:
    """Fit one candidate; only some kinds need the equation.

    Every kind keeps ``params["quantiles"]``: what values each feature usually has.
    """
    made: Fitted = _kind(spec).fit(Fitted(spec, equation, sample.columns, cuts), sample, threads=threads, seed=seed)
    return replace(made, params={"quantiles": quantiles(sample.values)} | made.params)


def margins(fitted: Fitted, values: Floats) -> Floats:
    """Return the margins (n, K, 2) of rows (n, p)."""
    return _kind(fitted.spec).margins(fitted, values)


def contributions(fitted: Fitted, values: Floats) -> Floats:
    """Return what each feature adds to the event's margin against a typical person (n, p)."""
    return _kind(fitted.spec).contributions(fitted, values)


def quantiles(values: Floats) -> list[list[float] | None]:
    """Return five evenly spaced quantiles of each feature, None where it was never known."""
    ranked = np.sort(values, axis=0)  # what is not known stands last
    known = (~np.isnan(values)).sum(axis=0)
    position = np.array([0.1, 0.3, 0.5, 0.7, 0.9])[:, None] * np.maximum(known - 1, 0)
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(known - 1, 0))
    column = np.arange(values.shape[1])
    found = ranked[low, column] + (position - low) * (ranked[high, column] - ranked[low, column])
    return [list(map(float, found[:, i])) if known[i] else None for i in column]


def _kind(spec: ModelSpec) -> Any:
    from ml.models import boosted, clinical, cox

    return {
        "equation": clinical.AS_PUBLISHED,
        "recalibrated": clinical.RECALIBRATED,
        "cox": cox.COX,
        "lightgbm": boosted.LIGHTGBM,
    }[spec.kind]

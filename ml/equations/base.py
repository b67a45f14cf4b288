"""What an equation is: a vectorised function plus the declaration of its inputs, source and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Input:
    """One input of an equation.

    Attributes:
        unit: UCUM unit the function expects; ``1`` for a flag (0 or 1).
        low, high: the range the equation was developed for, both inclusive.
        default: what stands in when the value is unknown, or None when the equation cannot do without it. Defaults are
            the equation's own reference values (or absence, for a flag), never estimates of the person.
        clamp: a value outside the range is moved to its edge before the computation (and reported); otherwise the row
            gives no risk.
    """

    name: str
    unit: str
    low: float
    high: float
    default: float | None
    clamp: bool = True


@dataclass(frozen=True)
class Equation:
    """A published risk equation for one outcome and horizon. ``function`` takes the inputs as keyword arrays."""

    name: str
    title: str
    outcome: str
    horizon_days: int
    citation: str
    inputs: tuple[Input, ...]
    function: Callable[..., Floats]
    notes: str = ""


@dataclass(frozen=True)
class EquationResult:
    """Result for n rows.

    Attributes:
        risk: probability of the outcome within the horizon (n,), NaN where the equation gives none.
        defaulted, out_of_range: (n, number of inputs) bool, in the order of ``inputs``.
    """

    inputs: tuple[str, ...]
    risk: Floats
    defaulted: NDArray[np.bool_]
    out_of_range: NDArray[np.bool_]

    def defaulted_names(self) -> list[str]:
        """Return per row the defaulted inputs, comma separated."""
        return _named(self.inputs, self.defaulted)

    def out_of_range_names(self) -> list[str]:
        """Return per row the inputs outside the equation's range, comma separated."""
        return _named(self.inputs, self.out_of_range)


def evaluate(equation: Equation, columns: Mapping[str, ArrayLike]) -> EquationResult:
    """Compute an equation over columns of equal length; NaN, None or an absent column is unknown.

    Raises:
        KeyError: a column that is not an input of the equation.
        ValueError: columns of unequal length, or none at all.
    """
    names = tuple(one.name for one in equation.inputs)
    if unknown := sorted(set(columns) - set(names)):
        raise KeyError(f"{equation.name} has no input {', '.join(unknown)}; its inputs are: {', '.join(names)}")
    given = {name: np.asarray(column, float).ravel() for name, column in columns.items()}
    lengths = {len(column) for column in given.values()}
    if len(lengths) != 1:
        raise ValueError(f"{equation.name}: input columns must have one common length, not {sorted(lengths)}")
    rows = lengths.pop()
    defaulted = np.zeros((rows, len(names)), bool)
    outside = np.zeros((rows, len(names)), bool)
    impossible = np.zeros(rows, bool)
    values: dict[str, Floats] = {}
    for number, one in enumerate(equation.inputs):
        value = given.get(one.name, np.full(rows, np.nan))
        absent = ~np.isfinite(value)
        if one.default is None:
            impossible |= absent
        else:
            defaulted[:, number] = absent
            value = np.where(absent, one.default, value)
        outside[:, number] = (value < one.low) | (value > one.high)
        if one.clamp:
            value = np.clip(value, one.low, one.high)
        else:
            impossible |= outside[:, number]
        values[one.name] = value
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        risk = equation.function(**values)
    return EquationResult(names, np.where(impossible, np.nan, risk), defaulted, outside)


def logistic(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def _named(names: tuple[str, ...], flags: NDArray[np.bool_]) -> list[str]:
    found = np.full(len(flags), "", dtype=object)
    for number, name in enumerate(names):
        here = flags[:, number]
        found[here] = np.where(found[here] == "", name, found[here] + ("," + name))
    return [str(one) for one in found]

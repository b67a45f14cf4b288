"""What an equation is: a vectorised function plus the declaration of its inputs, source and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml.equations.plausible import POSSIBLE

Floats = NDArray[np.float64]
MOSTLY = 0.5
"""Share of the known values of an input that must be possible; with fewer the table is in another unit."""


class ImpossibleUnit(ValueError):
    """Most values of an input cannot be what the equation takes: they are in another unit."""


@dataclass(frozen=True)
class Input:
    """One input of an equation.

    Attributes:
        unit: UCUM unit the function expects; ``1`` for a flag (0 or 1) or a count.
        low, high: the range the equation was developed for, both inclusive.
        default: what stands in when the value is unknown, or None when the equation cannot do without it; NaN when the
            equation has a term of its own for "unknown". Defaults are the equation's own reference values (or absence,
            for a flag), never estimates of the person.
        clamp: a value outside the range is moved to its edge before the computation (and reported); otherwise the row
            gives no result.
        codes: what answers in words mean, lower case.
        unknown: numbers by which tables say "unknown", such as 99.
    """

    name: str
    unit: str
    low: float
    high: float
    default: float | None
    clamp: bool = True
    codes: Mapping[str, float] = field(default_factory=dict)
    unknown: tuple[float, ...] = ()

    @property
    def possible(self) -> tuple[float, float]:
        """The range outside of which a value cannot be right in this unit, whoever the person is."""
        is_flag = self.unit == "1" and (self.low, self.high) == (0, 1)
        return (0.0, 1.0) if is_flag else POSSIBLE.get((self.name, self.unit), (-np.inf, np.inf))


@dataclass(frozen=True)
class Equation:
    """A published equation. ``function`` takes the inputs as keyword arrays.

    Attributes:
        outcome, horizon_days: what it predicts and until when; 0 days when the result is not a risk.
        result: ``risk`` for a probability, ``points``, or the UCUM unit of a value.
        verified: against what this implementation was compared, or that it could not be.
        notice: what must be shown wherever a result is shown.
    """

    name: str
    title: str
    outcome: str
    horizon_days: int
    citation: str
    inputs: tuple[Input, ...]
    function: Callable[..., Floats]
    notes: str = ""
    result: str = "risk"
    verified: str = ""
    notice: str = ""


@dataclass(frozen=True)
class EquationResult:
    """Result for n rows.

    Attributes:
        risk: the equation's result (n,), a probability where it predicts; NaN where the equation gives none.
        defaulted, out_of_range, impossible, missing: (n, number of inputs) bool, in the order of ``inputs``: replaced
            by the default; outside the range it was made for; not possible in the unit; needed and not there.
    """

    inputs: tuple[str, ...]
    risk: Floats
    defaulted: NDArray[np.bool_]
    out_of_range: NDArray[np.bool_]
    impossible: NDArray[np.bool_]
    missing: NDArray[np.bool_]

    def defaulted_names(self) -> list[str]:
        """Return per row the defaulted inputs, comma separated."""
        return _named(self.inputs, self.defaulted)

    def out_of_range_names(self) -> list[str]:
        """Return per row the inputs outside the equation's range, comma separated."""
        return _named(self.inputs, self.out_of_range)

    def impossible_names(self) -> list[str]:
        """Return per row the inputs that are not possible in the equation's unit, comma separated."""
        return _named(self.inputs, self.impossible)


def evaluate(equation: Equation, columns: Mapping[str, ArrayLike]) -> EquationResult:
    """Compute an equation over columns of equal length; NaN, None or an absent column is unknown.

    Raises:
        KeyError: a column that is not an input of the equation.
        ValueError: columns of unequal length, or none at all.
        ImpossibleUnit: most known values of an input cannot be in its unit.
    """
    names = tuple(one.name for one in equation.inputs)
    if unknown := sorted(set(columns) - set(names)):
        raise KeyError(f"{equation.name} has no input {', '.join(unknown)}; its inputs are: {', '.join(names)}")
    given = {name: np.asarray(column, float).ravel() for name, column in columns.items()}
    lengths = {len(column) for column in given.values()}
    if len(lengths) != 1:
        raise ValueError(f"{equation.name}: input columns must have one common length, not {sorted(lengths)}")
    rows = lengths.pop()
    shape = (rows, len(names))
    defaulted, outside, impossible, missing = (np.zeros(shape, bool) for _ in range(4))
    unusable = np.zeros(rows, bool)
    values: dict[str, Floats] = {}
    for number, one in enumerate(equation.inputs):
        value = given.get(one.name, np.full(rows, np.nan))
        absent = ~np.isfinite(value)
        impossible[:, number] = _impossible(equation, one, value, absent)
        unusable |= impossible[:, number]
        if one.default is None:
            missing[:, number] = absent
            unusable |= absent
        else:
            defaulted[:, number] = absent
            value = np.where(absent, one.default, value)
        outside[:, number] = ((value < one.low) | (value > one.high)) & ~impossible[:, number]
        if one.clamp:
            value = np.clip(value, one.low, one.high)
        else:
            unusable |= outside[:, number]
        values[one.name] = value
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        risk = np.asarray(equation.function(**values), float)
    risk = np.where(unusable | ~np.isfinite(risk), np.nan, risk)
    return EquationResult(names, risk, defaulted, outside, impossible, missing)


def logistic(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def by_sex(sex_male: Floats, female: Floats | float, male: Floats | float) -> Floats:
    """Return the value of each row's sex; NaN where it is unknown."""
    return np.where(sex_male == 1, male, np.where(sex_male == 0, female, np.nan))


def _impossible(equation: Equation, one: Input, value: Floats, absent: NDArray[np.bool_]) -> NDArray[np.bool_]:
    low, high = one.possible
    wrong = ~absent & ((value < low) | (value > high))
    known = int((~absent).sum())
    if known and wrong.sum() > MOSTLY * known:
        raise ImpossibleUnit(
            f"{equation.name}: {one.name} is expected in {one.unit}, and {wrong.sum():,} of {known:,} values lie"
            f" outside {low:g} to {high:g}, which no person has; convert the column, or say its unit in the header,"
            f" such as '{one.name} [mmol/L]'"
        )
    return wrong


def _named(names: tuple[str, ...], flags: NDArray[np.bool_]) -> list[str]:
    found = np.full(len(flags), "", dtype=object)
    for number, name in enumerate(names):
        here = flags[:, number]
        found[here] = np.where(found[here] == "", name, found[here] + ("," + name))
    return [str(one) for one in found]

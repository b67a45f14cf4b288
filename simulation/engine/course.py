"""A time course: what to simulate, how long, what to report and how exactly. And its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Course:
    """A uniform time course.

    Attributes:
        start: first reported time, in the model's time unit.
        duration: length of the simulation after ``start``.
        steps: number of output intervals; ``steps + 1`` rows are reported.
        variables: ids of species, compartments, parameters or species references to report.
        amounts: species among ``variables`` to report as amount of substance.
        concentrations: species among ``variables`` to report as concentration. A species in neither is reported as
            the SBML symbol stands in formulas: an amount if it has only substance units, else a concentration.
        absolute, relative: tolerances of the comparison with expected results.
    """

    duration: float
    steps: int
    variables: tuple[str, ...]
    start: float = 0.0
    amounts: frozenset[str] = frozenset()
    concentrations: frozenset[str] = frozenset()
    absolute: float = 1e-9
    relative: float = 1e-6

    @property
    def times(self) -> Array:
        """The reported times, shape (steps + 1,)."""
        return np.linspace(self.start, self.start + self.duration, self.steps + 1)


@dataclass(frozen=True)
class Trajectory:
    """Result of a course: ``values`` has shape (rows, variables), one row per time."""

    times: Array
    variables: tuple[str, ...]
    values: Array

    def __getitem__(self, variable: str) -> Array:
        return self.values[:, self.variables.index(variable)]


def parse_settings(text: str) -> Course:
    """Read a settings file of the SBML semantic test suite (``key: value`` lines).

    Raises:
        ValueError: a line or a number cannot be read.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.strip():
            key, colon, value = line.partition(":")
            if not colon:
                raise ValueError(f"a settings line reads 'key: value', not {line.strip()!r}")
            found[key.strip()] = value.strip()
    return _course(found)


def _course(found: Mapping[str, str]) -> Course:
    def names(key: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in found.get(key, "").split(",") if name.strip())

    try:
        return Course(
            start=float(found.get("start", "0") or 0),
            duration=float(found["duration"]),
            steps=int(found["steps"]),
            variables=names("variables"),
            amounts=frozenset(names("amount")),
            concentrations=frozenset(names("concentration")),
            absolute=float(found.get("absolute", "1e-9")),
            relative=float(found.get("relative", "1e-6")),
        )
    except KeyError as missing:
        raise ValueError(f"settings lack {missing}") from None

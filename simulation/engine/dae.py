"""Differential-algebraic systems ``E y' + F y + laws(t, y) = c(t)``, as networks of vessels give them.

They are solved by the generalized-alpha method (Jansen 2000, doi:10.1016/S0045-7825(00)00203-6): second order, no step
is too long for stability, and oscillations that the step cannot follow are halved (`DAMPING`) from step to step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from simulation.engine.course import Array, Mask

DAMPING = 0.5
"""Spectral radius at infinite frequency."""
MOST_ITERATIONS = 60

Imposed = Callable[[float], float]
Law = Callable[[float, Array], tuple[float, Array]]
"""(time, its unknowns) → what it adds to the left of an equation, and the derivative by each of its unknowns."""


class NotDetermined(ValueError):
    """The equations have no solution, or more than one."""


@dataclass
class System:
    """Equations as they are collected.

    Attributes:
        names: of the unknowns, in order.
        rates, values: (equation, unknown, factor), of ``y'`` and of ``y``.
        imposed: the right of each equation.
        laws: (equation, unknowns, law) of what is not linear or changes with time.
        valves: (flow, pressure before, pressure behind): nothing flows back.
    """

    names: dict[str, int] = field(default_factory=dict)
    rates: list[tuple[int, int, float]] = field(default_factory=list)
    values: list[tuple[int, int, float]] = field(default_factory=list)
    imposed: list[Imposed | float] = field(default_factory=list)
    laws: list[tuple[int, Array, Law]] = field(default_factory=list)
    valves: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Number of equations."""
        return len(self.imposed)

    def unknown(self, name: str) -> int:
        """Its number; a name that is new becomes an unknown."""
        return self.names.setdefault(name, len(self.names))

    def equation(
        self,
        values: Mapping[str, float],
        rates: Mapping[str, float] | None = None,
        imposed: Imposed | float = 0.0,
    ) -> int:
        """One equation: factors of unknowns, factors of their rates, and what stands on the right."""
        row = self.rows
        self.values += [(row, self.unknown(name), factor) for name, factor in values.items()]
        self.rates += [(row, self.unknown(name), factor) for name, factor in (rates or {}).items()]
        self.imposed.append(imposed)
        return row

    def law(self, row: int, names: list[str], law: Law) -> None:
        """Add to an equation what is not linear in these unknowns, or changes with time."""
        self.laws.append((row, np.array([self.unknown(name) for name in names]), law))

    def valve(self, flow: str, before: str, behind: str) -> None:
        """A flow that is none while it would go back."""
        self.valves.append((self.unknown(flow), self.unknown(before), self.unknown(behind)))


class Solver:
    """A system as matrices."""

    def __init__(self, system: System) -> None:
        size = system.rows
        self.e, self.f = np.zeros((size, size)), np.zeros((size, size))
        for matrix, entries in ((self.e, system.rates), (self.f, system.values)):
            for row, column, factor in entries:
                matrix[row, column] += factor
        self.laws, self.valves = system.laws, np.array(system.valves, dtype=int).reshape(-1, 3)
        self.right = np.array([0.0 if callable(one) else one for one in system.imposed])
        self.changing = [(row, one) for row, one in enumerate(system.imposed) if callable(one)]

    def imposed(self, t: float) -> Array:
        """The right of every equation."""
        found = self.right.copy()
        for row, course in self.changing:
            found[row] = course(t)
        return found

    def steady(self, mean: Array, t: float = 0.0) -> Array:
        """Where nothing changes under what is imposed.

        Raises:
            NotDetermined: there is no such state, or more than one.
        """
        return self._newton(np.zeros_like(self.e), mean, np.zeros(len(mean)), t)[0]

    def course(self, y: Array, h: float, steps: int) -> Array:
        """The unknowns at the start and after each step of length ``h``, shape (steps + 1, unknowns).

        Raises:
            NotDetermined: a step has no solution.
        """
        alpha_m, alpha_f = 0.5 * (3 - DAMPING) / (1 + DAMPING), 1 / (1 + DAMPING)
        gamma = 0.5 + alpha_m - alpha_f
        per_step = alpha_m / (alpha_f * gamma * h)
        kept, rate = np.empty((steps + 1, len(y))), np.zeros_like(y)
        kept[0] = y
        for number in range(steps):
            t = (number + alpha_f) * h
            # y' within the step is per_step (y within the step - y) + past
            past = (1 - alpha_m / gamma) * rate
            right = self.imposed(t) + self.e @ (per_step * y - past)
            within, closed = self._newton(per_step * self.e, right, y, t)
            after = y + (within - y) / alpha_f
            rate = (after - y) / (gamma * h) - (1 - gamma) / gamma * rate
            after[closed] = 0.0
            y = kept[number + 1] = after
        return kept

    def _newton(self, moving: Array, right: Array, y: Array, t: float) -> tuple[Array, Array]:
        """Solve ``(moving + F) y + laws(t, y) = right``; also which flows a closed valve holds back."""
        try:
            if not self.laws and not len(self.valves):
                return np.asarray(np.linalg.solve(moving + self.f, right)), np.empty(0, dtype=int)
            for number in range(MOST_ITERATIONS):
                closed = self._closed(y)
                slope = self.f.copy()
                slope[:, closed] = 0.0
                slope += moving
                error = slope @ y - right
                for row, of, law in self.laws:
                    value, by = law(t, y[of])
                    error[row] += value
                    slope[row, of] += by
                if not np.isfinite(error).all():
                    break
                try:
                    step = np.linalg.solve(slope, error)
                except np.linalg.LinAlgError:
                    if number:
                        raise
                    # Without flow a stenosis takes no pressure: the slope there has no inverse.
                    step = np.linalg.lstsq(slope, error, rcond=None)[0]
                y = y - step if number < 20 else y - 0.5 * step
                if np.abs(step).max() <= 1e-10 * max(1.0, float(np.abs(y).max())):
                    return y, closed
        except np.linalg.LinAlgError:
            raise NotDetermined("an end is free, or pressure has no level") from None
        raise NotDetermined(f"no solution is found at {t:g} s")

    def _closed(self, y: Array) -> Array:
        flow, before, behind = self.valves.T
        held: Mask = np.asarray((y[before] <= y[behind]) & (y[flow] <= 0))
        return np.asarray(flow[held])

"""The fast path: all persons at once, by classical Runge–Kutta with a fixed step over the generated equations.

The equations run as NumPy or, where there is enough to do and numba is installed, as machine code (`kernel`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import numpy as np

from simulation.engine import kernel
from simulation.engine.course import Array, Course, Trajectory
from simulation.engine.generate import Compiled, compile_model
from simulation.engine.intervention import Intervention, by_time, evaluated
from simulation.engine.roadrunner import SolveFailed
from simulation.engine.sbml import Model

__all__ = ["BLOCK", "Compiled", "compile_model", "run_refined", "simulate"]

BLOCK = 5_000
"""Persons integrated together: enough to make Python's share small, few enough to stay in a core's cache."""


def simulate(
    compiled: Compiled,
    course: Course,
    people: int = 1,
    changes: Mapping[str, Array | float] | None = None,
    interventions: Iterable[Intervention] = (),
    *,
    step: float | None = None,
    settle: float = 0.0,
    substeps: int = 20,
    by: Literal["auto", "numpy", "machine code"] = "auto",
) -> dict[str, Array]:
    """Integrate a model for many persons at once.

    Args:
        people: number of persons.
        changes: values of constants per person, shape (people,), or one value for all; also initial values of states
            (concentrations or amounts as the SBML symbol stands in formulas; species that reactions change: amounts).
        interventions: what is changed while the model runs; their arrays have shape (people,).
        step: largest step in the model's time unit; steps end at reported times and interventions. Without it,
            ``substeps`` equal steps per output interval.
        settle: time after an intervention in which steps are half as long. A solution that passes a kink of its
            equations (a ``max``, a piece) within a step loses order there, and kinks follow changes.
        by: what runs the equations; ``auto`` takes machine code where it is worth being compiled.

    Returns:
        variable → values of shape (steps + 1, people). A person whose solution leaves the finite numbers has NaN from
        there on.

    Raises:
        KeyError: a change or a variable names nothing in the model.
        RuntimeError: machine code was asked for, and numba is absent or does not translate the model.
    """
    changes = dict(changes or {})
    interventions = list(interventions)
    for name in {*changes, *(name for one in interventions for name in one.assign)}:
        if name not in compiled.constants and name not in compiled.states:
            raise KeyError(f"{name!r} is neither a constant nor a state of the model")
    length = step or course.duration / max(course.steps, 1) / substeps
    loop = _machine_code(compiled, by, people * course.times[-1] / length)
    found = {name: np.empty((course.steps + 1, people)) for name in course.variables}
    with np.errstate(all="ignore"):
        for first in range(0, people, BLOCK):
            part = slice(first, min(first + BLOCK, people))
            mine = {name: _part(value, part) for name, value in changes.items()}
            rows = _Block(compiled, part, mine, loop).rows(course, interventions, length, settle)
            for number, values in enumerate(rows):
                for name, value in zip(course.variables, values, strict=True):
                    found[name][number, part] = value
    return found


def _machine_code(compiled: Compiled, by: str, person_steps: float) -> kernel.Advance | None:
    wanted = by == "machine code" or (by == "auto" and person_steps >= kernel.ENOUGH)
    found = kernel.advance(compiled) if wanted and kernel.is_installed() else None
    if found is None and by == "machine code":
        raise RuntimeError("numba is not installed (extra 'simulation'), or does not translate this model's formulas")
    return found


def _part(value: Any, part: slice) -> Any:
    """The block's share of an array with one element per person; a number as it is."""
    array = np.asarray(value, dtype=float)
    return array[part] if array.ndim else np.float64(array)


class _Block:
    """The state of some persons while they are integrated."""

    def __init__(
        self, compiled: Compiled, part: slice, changes: Mapping[str, Any], loop: kernel.Advance | None = None
    ) -> None:
        self.compiled = compiled
        self.loop = loop
        self.part = part
        k: list[Any] = [np.float64(value) for value in compiled.defaults]
        for name, value in changes.items():
            if name in compiled.constants:
                k[compiled.constants.index(name)] = value
        initial, self.k = compiled.start(k)
        self._follow()
        self.y = np.empty((len(compiled.states), part.stop - part.start))
        for number, name in enumerate(compiled.states):
            self.y[number] = changes.get(name, initial[number])
        self.work = [] if loop else [np.empty_like(self.y) for _ in range(5)]

    def _follow(self) -> None:
        """Compute what follows from the constants."""
        people = self.part.stop - self.part.start
        self.c = self.compiled.fixed(self.k, people)
        self.read = kernel.constants(self.compiled, self.k, self.c, people) if self.loop else np.empty((0, 0))

    def rows(
        self, course: Course, interventions: list[Intervention], length: float, settle: float
    ) -> Iterator[list[Any]]:
        """The reported symbols at each time of the course."""
        report = self.compiled.reporter(tuple(_symbol(name, course) for name in course.variables))
        planned = by_time(interventions, 0.0, course.times[-1] + length)
        t, settled = 0.0, 0.0
        for end in course.times:
            while planned and planned[0][0] <= end:
                at, together = planned.pop(0)
                self._advance(t, at, length, settled)
                self._change(at, together)
                t, settled = at, at + settle
            self._advance(t, float(end), length, settled)
            t = float(end)
            yield report(t, self.y, self.k, self.c)

    def _change(self, t: float, together: list[Intervention]) -> None:
        for one in together:
            values = evaluated(one, _Moment(self, t))
            for name, value in values.items():
                if name in self.compiled.constants:
                    self.k[self.compiled.constants.index(name)] = self.share(value)
                else:
                    self.y[self.compiled.states.index(name)] = self.share(value)
            self._follow()

    def share(self, value: Any) -> Any:
        """An array over all persons is cut to the block's; one that was computed from the block's values is whole."""
        array = np.asarray(value, dtype=float)
        return array if not array.ndim or len(array) == self.y.shape[1] else array[self.part]

    def _advance(self, t: float, end: float, length: float, settled: float) -> None:
        """From ``t`` to ``end`` in steps of at most ``length``, half of that until ``settled``."""
        middle = min(max(t, settled), end)
        self._runge_kutta(t, middle, length / 2)
        self._runge_kutta(middle, end, length)

    def _runge_kutta(self, t: float, end: float, length: float) -> None:
        """Classical fourth order, in equal steps of at most ``length``."""
        count = max(1, int(np.ceil((end - t) / length - 1e-9))) if end > t else 0
        if not count:
            return
        h = (end - t) / count
        if self.loop:
            self.loop(self.y, self.read, t, h, count)
            return
        k1, k2, k3, k4, at_step = self.work
        y, rate, k, c = self.y, self.compiled.rate, _plain(self.k), _plain(self.c)
        for number in range(count):
            now = t + number * h
            rate(now, y, k, c, k1)
            np.multiply(k1, h / 2, out=at_step)
            at_step += y
            rate(now + h / 2, at_step, k, c, k2)
            np.multiply(k2, h / 2, out=at_step)
            at_step += y
            rate(now + h / 2, at_step, k, c, k3)
            np.multiply(k3, h, out=at_step)
            at_step += y
            rate(now + h, at_step, k, c, k4)
            k2 += k3
            k2 *= 2.0
            k2 += k1
            k2 += k4
            k2 *= h / 6
            y += k2


def _plain(values: list[Any]) -> list[Any]:
    """Numbers as Python's own, with which NumPy multiplies an array faster than with its scalars."""
    return [value if np.ndim(value) else float(value) for value in values]


class _Moment:
    """A block at the moment of an intervention (`intervention.Now`)."""

    def __init__(self, block: _Block, t: float) -> None:
        self.block = block
        self.t = t

    def __call__(self, name: str) -> Any:
        block = self.block
        return block.compiled.reporter((name,))(self.t, block.y, block.k, block.c)[0]

    def share(self, values: Any) -> Any:
        return self.block.share(values)


def run_refined(model: Model, course: Course, *, most_substeps: int = 640) -> Trajectory:
    """Run one person, halving the step until that changes nothing within a tenth of the tolerance.

    Where a fixed step does not get there the generated equations are stiff; they are then handed to LSODA (SciPy),
    so that the equations are judged, not the step.

    Raises:
        Unsupported: a construct the generator refuses.
        SolveFailed: neither converged.
    """
    compiled = compile_model(model)
    last: Array | None = None
    substeps = 5
    while substeps <= most_substeps:
        found = simulate(compiled, course, substeps=substeps)
        values = np.array([found[name][:, 0] for name in course.variables]).T
        if last is not None and _agree(values, last, course):
            return Trajectory(course.times, course.variables, values)
        last = values
        substeps *= 2
    return _by_lsoda(compiled, course)


def _agree(values: Array, last: Array, course: Course) -> bool:
    with np.errstate(invalid="ignore"):
        allowed = 0.1 * (course.absolute + course.relative * np.abs(values))
        # What is no number from the start stays none; a solution that leaves the numbers on the way has too long steps.
        never = np.isnan(values[0])
        return bool(np.all((values == last) | never | (np.abs(values - last) <= allowed)))


def _by_lsoda(compiled: Compiled, course: Course) -> Trajectory:
    from scipy.integrate import solve_ivp

    one = _Block(compiled, slice(0, 1), {})
    d = np.empty_like(one.y)

    def rate(t: float, y: Array) -> Array:
        compiled.rate(t, y[:, None], one.k, one.c, d)
        return d[:, 0]

    with np.errstate(all="ignore"):
        solved = solve_ivp(
            rate, (0.0, course.times[-1]), one.y[:, 0], "LSODA", course.times, rtol=1e-10, atol=1e-14, max_step=np.inf
        )
        if not solved.success or solved.y.shape[1] != len(course.times):
            raise SolveFailed(f"too stiff for a fixed step, and LSODA stopped: {solved.message}")
        report = compiled.reporter(tuple(_symbol(name, course) for name in course.variables))
        rows = [report(t, solved.y[:, number, None], one.k, one.c) for number, t in enumerate(course.times)]
    values = np.array([[np.ravel(value)[0] for value in row] for row in rows], dtype=float)
    return Trajectory(course.times, course.variables, values)


def _symbol(name: str, course: Course) -> str:
    if name in course.amounts:
        return f"amount({name})"
    return f"concentration({name})" if name in course.concentrations else name

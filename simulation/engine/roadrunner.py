"""The reference engine: libroadrunner (CVODE)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from simulation.engine.course import Array, Course, Trajectory
from simulation.engine.intervention import Intervention, by_time, evaluated
from simulation.engine.sbml import Model, Unsupported, parse

RELATIVE = 1e-10
ABSOLUTE = 1e-14
MAX_STEPS = 1_000_000


class SolveFailed(RuntimeError):
    """The solver gave up; the message says at which time and why."""


class Engine:
    """One loaded model. Loading costs most of a short run, so an engine is kept and reset between persons.

    Not for sharing between threads or processes; every process makes its own.
    """

    def __init__(self, model: Model) -> None:
        # CVODE prints its warnings among the results; what matters of them is raised.
        os.environ.setdefault("SUNLOGGER_WARNING_FILENAME", os.devnull)
        import roadrunner

        roadrunner.Logger.setLevel(roadrunner.Logger.LOG_CRITICAL)
        # Otherwise ids of the model become attributes, and a parameter called "reset" hides the method.
        roadrunner.Config.setValue(roadrunner.Config.ROADRUNNER_DISABLE_PYTHON_DYNAMIC_PROPERTIES, True)
        # LLJIT compiles faster, but in a thread of its own for every model, and has been seen to crash the process.
        roadrunner.Config.setValue(roadrunner.Config.LLVM_BACKEND, roadrunner.Config.MCJIT)
        self.model = model
        self._runner: Any = self._load()
        self._is_fresh = True
        self._species = set(self._runner.model.getFloatingSpeciesIds()) | set(
            self._runner.model.getBoundarySpeciesIds()
        )
        flat = parse(model.flat).document.getModel()
        self._only_substance = {one.getId() for one in flat.getListOfSpecies() if one.getHasOnlySubstanceUnits()}
        self._has_events = flat.getNumEvents() > 0
        self._rated = {rule.getVariable() for rule in flat.getListOfRules() if rule.isRate()} - self._species
        self._follows = flat.getNumInitialAssignments() > 0
        self._before: dict[str, float] = {}

    def _load(self) -> Any:
        import roadrunner

        try:
            return roadrunner.RoadRunner(self.model.flat)
        except RuntimeError as error:
            raise Unsupported(_short(error)) from None

    def _rewind(self) -> None:
        """Back to the initial state. A reset forgets events that fire at the very start; then the model is reloaded."""
        if self._is_fresh:
            self._is_fresh = False
        elif self._has_events:
            self._runner = self._load()
        else:
            for symbol, value in self._before.items():
                self._runner[symbol] = value
            self._runner.resetToOrigin()
        self._before.clear()

    def run(
        self,
        course: Course,
        changes: Mapping[str, float] | None = None,
        interventions: Iterable[Intervention] = (),
        *,
        relative: float = RELATIVE,
        absolute: float = ABSOLUTE,
    ) -> Trajectory:
        """Simulate from the model's initial state.

        Args:
            changes: values of parameters, compartments or species (``init(...)`` semantics of the symbol) set before
                the run; what follows from them by initial assignments is computed anew, everything else is as in the
                file. (In a model with both, an event at the very start is then not seen.)
            interventions: what is changed while the model runs.

        Raises:
            SolveFailed: the solver gave up.
            KeyError: a variable or a change names nothing in the model.
        """
        self._rewind()
        runner = self._runner
        runner.integrator.setValue("relative_tolerance", relative)
        runner.integrator.setValue("absolute_tolerance", absolute)
        runner.integrator.setValue("maximum_num_steps", MAX_STEPS)
        self._start_with(changes or {})
        selections = ["time", *(self._symbol(name, course) for name in course.variables)]
        try:
            runner.timeCourseSelections = selections
            first = runner.model.getTime()
            if course.start > first:
                runner.simulate(first, course.start, 2)
            planned = by_time(interventions, course.start, course.start + course.duration)
            values = self._stretches(course, planned) if planned else self._whole(course)
        except RuntimeError as error:
            raise SolveFailed(_short(error)) from None
        if not np.isfinite(values[:, 0]).all() or len(values) != course.steps + 1:
            raise SolveFailed(f"{len(values)} rows instead of {course.steps + 1}")
        return Trajectory(values[:, 0], course.variables, values[:, 1:])

    def _whole(self, course: Course) -> Array:
        return np.array(self._runner.simulate(course.start, course.start + course.duration, course.steps + 1))

    def _stretches(self, course: Course, planned: list[tuple[float, list[Intervention]]]) -> Array:
        """Simulate from intervention to intervention; the row of a moment of change is the one after it."""
        times = course.times
        borders = [at for at, _ in planned] + [float(times[-1])]
        parts, begin = [], course.start
        for number, border in enumerate(borders):
            inner = times[(times >= begin - 1e-12) & (times < border - 1e-12)]
            wanted = [begin, *(float(t) for t in inner if t > begin + 1e-12), border]
            if border > begin:
                rows = np.array(self._runner.simulate(times=wanted))
                starts_reported = len(inner) > 0 and abs(inner[0] - begin) <= 1e-12
                parts.append(rows[0 if starts_reported else 1 : -1])
                if number == len(planned):
                    parts.append(rows[-1:])
            if number < len(planned):
                for one in planned[number][1]:
                    for name, value in evaluated(one, _Moment(self._runner)).items():
                        self._set_now(name, float(np.asarray(value)))
            begin = border
        return np.concatenate(parts)

    def _set_now(self, name: str, value: float) -> None:
        """Change a value in the middle of a run."""
        try:
            self._runner[name] = value
        except RuntimeError as error:
            raise KeyError(f"{name!r} cannot be set: {_short(error)}") from None

    def _start_with(self, changes: Mapping[str, float]) -> None:
        """Set what is changed; what follows from it is computed before states are set, which have the last word."""
        states = {name: value for name, value in changes.items() if name in self._rated}
        for name in set(changes) - set(states):
            self._set(f"init({name})" if name in self._species or self._follows else name, changes[name])
        if self._follows and len(states) < len(changes):
            self._runner.reset()
        for name, value in states.items():
            self._set(name, value)

    def _set(self, symbol: str, value: float) -> None:
        try:
            self._before.setdefault(symbol, float(self._runner[symbol]))
            self._runner[symbol] = value
        except RuntimeError as error:
            raise KeyError(f"{symbol!r} cannot be set: {_short(error)}") from None

    def _symbol(self, name: str, course: Course) -> str:
        if name not in self._species:
            return name
        if name in course.concentrations or (name not in course.amounts and name not in self._only_substance):
            return f"[{name}]"
        return name


class _Moment:
    """The one person at the moment of an intervention (`intervention.Now`)."""

    def __init__(self, runner: Any) -> None:
        self.runner = runner

    def __call__(self, name: str) -> float:
        return float(self.runner[name])

    def share(self, values: Any) -> Any:
        return values


def _short(error: Exception) -> str:
    return re.split(r"\n|; In |,? at (?=void |\n|$)", str(error))[0].strip()[:300]

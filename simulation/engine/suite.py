"""The SBML semantic test suite as judge of an engine.

A case is a model, settings and expected values. It passes when every reported value is within
``absolute + relative * |expected|``, the rule of the suite itself.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from simulation.engine import sbml
from simulation.engine.course import Array, Course, Trajectory, parse_settings
from simulation.engine.roadrunner import Engine, SolveFailed
from simulation.engine.vectorised import run_refined

_DURATION = re.compile(r"^duration:[ \t]*\d", re.MULTILINE)
"""Flux-balance and steady-state cases have no duration."""

Outcome = Literal["pass", "differs", "failed", "unsupported"]

Run = Callable[[sbml.Model, Course], Trajectory]


@dataclass(frozen=True)
class Verdict:
    """What became of one case. ``detail`` names the worst variable, or why the case was not run."""

    case: str
    outcome: Outcome
    detail: str = ""
    excess: float = 0.0
    """Largest error divided by what is allowed; at most 1 for a pass."""


@dataclass(frozen=True)
class Case:
    """One case of the suite."""

    name: str
    model: str
    settings: str
    expected: str


def by_roadrunner(model: sbml.Model, course: Course) -> Trajectory:
    """Run a case with the reference engine."""
    return Engine(model).run(course)


def by_numpy(model: sbml.Model, course: Course) -> Trajectory:
    """Run a case with the generated NumPy, one person."""
    return run_refined(model, course)


def cases(archive: Path) -> Iterator[Case]:
    """Read the time-course cases of a suite archive, in order.

    The archive holds ``<case>.xml``, ``<case>.settings.txt`` and ``<case>.csv``. Cases without a model or without
    expected values are not time courses and are passed over.
    """
    with zipfile.ZipFile(archive) as suite:
        names = set(suite.namelist())
        for case in sorted({name.split(".")[0] for name in names}):
            parts = [f"{case}.xml", f"{case}.settings.txt", f"{case}.csv"]
            if all(part in names for part in parts):
                one = Case(case, *(suite.read(part).decode("utf-8-sig") for part in parts))
                if _DURATION.search(one.settings):
                    yield one


def judge(case: Case, run: Run = by_roadrunner) -> Verdict:
    """Run one case and compare it with the expected values."""
    course = parse_settings(case.settings)
    try:
        trajectory = run(sbml.parse(case.model, case.name), course)
    except sbml.Unsupported as error:
        return Verdict(case.name, "unsupported", str(error))
    except (sbml.BadModel, SolveFailed, KeyError, ArithmeticError) as error:
        return Verdict(case.name, "failed", f"{type(error).__name__}: {error}")
    return _compare(case, course, trajectory)


def _compare(case: Case, course: Course, trajectory: Trajectory) -> Verdict:
    header, expected = _table(case.expected)
    worst, where = 0.0, ""
    for column, name in enumerate(header[1:], 1):
        found, wanted = trajectory[name], expected[:, column]
        if len(found) != len(wanted):
            return Verdict(case.name, "differs", f"{len(found)} rows, {len(wanted)} expected", np.inf)
        same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
        allowed = course.absolute + course.relative * np.abs(wanted)
        with np.errstate(invalid="ignore"):
            excess = np.where(same, 0.0, np.abs(found - wanted) / allowed)
        largest = np.inf if np.isnan(excess).any() else float(excess.max(initial=0.0))
        if largest > worst:
            worst, where = largest, name
    return Verdict(case.name, "pass" if worst <= 1 else "differs", where, worst)


def _table(text: str) -> tuple[list[str], Array]:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    names = [name.strip() for name in rows[0]]
    return names, np.array([[float(value) for value in row] for row in rows[1:]], dtype=float)

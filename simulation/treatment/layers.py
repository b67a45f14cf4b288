"""Dose and response as meta-analyses measured them: blood pressure, LDL, and what they mean for events."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lake.files import read_yaml
from simulation.engine.course import Array

REFERENCE_PRESSURE = 154.0
"""mmHg before treatment, mean of the trials that Law 2003 pooled."""
MEAN_FALL = 9.1
"""mmHg at standard dose, mean of the five classes."""
SLOPE = 0.10
"""mmHg more fall per mmHg higher pressure before."""


class ImpossibleDose(ValueError):
    """A dose that nobody takes, or a drug without a figure; the message says which and the limits."""


@cache
def effects() -> dict[str, Any]:
    """The table of effects."""
    found: dict[str, Any] = read_yaml(Path(__file__).parent / "effects.yaml")
    return found


def drug(name: str) -> dict[str, Any]:
    """A drug of the table.

    Raises:
        ImpossibleDose: there is no such drug.
    """
    known = effects()["drugs"]
    if name not in known:
        raise ImpossibleDose(f"no drug {name!r}; the table has {', '.join(sorted(known))}")
    found: dict[str, Any] = known[name]
    return found


def check_dose(name: str, mg: float) -> None:
    """Refuse what nobody takes.

    Raises:
        ImpossibleDose: below zero, above the largest dose, or no number.
    """
    most = drug(name)["most_mg"]
    if not 0 <= mg <= most:
        raise ImpossibleDose(f"{name} {mg:g} mg a day is impossible; 0 to {most:g} mg")


def pressure_fall(name: str, mg: float, before: Array | float) -> Array:
    """Fall of systolic pressure in mmHg under one drug; nothing at dose zero.

    Args:
        before: systolic pressure before treatment, mmHg; a number or shape (people,).
    """
    if "class" not in drug(name):
        return np.zeros_like(np.asarray(before, dtype=float))
    at_reference = _by_dose(name, mg, "fall")
    higher = 1 + SLOPE * (np.asarray(before, dtype=float) - REFERENCE_PRESSURE) / MEAN_FALL
    return np.asarray(np.maximum(at_reference * higher, 0.0))


def symptoms(name: str, mg: float) -> float:
    """Share of people with symptoms from the drug."""
    return _by_dose(name, mg, "symptoms") if "class" in drug(name) else 0.0


def ldl_share(name: str, mg: float) -> float:
    """Share of LDL cholesterol that a daily dose takes away; six points per doubling between and beyond the figures."""
    known: dict[float, float] = drug(name).get("ldl", {})
    if not known or mg <= 0:
        return 0.0
    doses = sorted(known)
    if mg < doses[0]:
        return max(known[doses[0]] - 0.06 * float(np.log2(doses[0] / mg)), 0.0)
    return float(np.interp(np.log2(mg), np.log2(doses), [known[dose] for dose in doses]))


def _by_dose(name: str, mg: float, what: str) -> float:
    """Between the figures at none, half, one and two standard doses."""
    about = drug(name)
    multiple = mg / about["standard_mg"]
    values = effects()["pressure"][about["class"]][what]
    return float(np.interp(multiple, [0.0, 0.5, 1.0, 2.0], [0.0, *values]))


def side_effects(doses: Iterable[tuple[str, float]]) -> str:
    """What each drug does besides: share with symptoms, and serious harm per 1,000 over ten years."""
    found = []
    for name, mg in doses:
        felt, serious = symptoms(name, mg), drug(name).get("harm", 0.0)
        parts = [f"symptoms in {felt:.1%}"] if felt else []
        parts += [f"serious harm {serious:g} per 1,000 in ten years"] if serious else []
        if parts:
            found.append(f"{name}: {', '.join(parts)}")
    return "; ".join(found)

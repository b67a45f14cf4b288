"""Interventions: what is changed from outside while a model runs, in either engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from simulation.engine.course import Array


class Now(Protocol):
    """The moment of an intervention, for the persons who are being integrated together."""

    def __call__(self, name: str) -> Array | float:
        """The value of a symbol just before; an array with one element per person, or a number."""

    def share(self, values: Array | float) -> Array | float:
        """Of an array with one element per person of the whole run, those of the persons at hand."""


@dataclass(frozen=True)
class Intervention:
    """Values set at one moment: a meal into the stomach, a dose, a new infusion rate.

    Attributes:
        at: time, in the model's time unit.
        assign: symbol → number, array with one element per person, or a function of the values just before. All are
            evaluated before any is set, as in an SBML event. A value that is reported at this very time is the one
            after the change.
    """

    at: float
    assign: Mapping[str, Array | float | Callable[[Now], Array | float]] = field(default_factory=dict)


def evaluated(intervention: Intervention, now: Now) -> dict[str, Array | float]:
    """The values to set."""
    return {name: value(now) if callable(value) else value for name, value in intervention.assign.items()}


def by_time(interventions: Iterable[Intervention], start: float, end: float) -> list[tuple[float, list[Intervention]]]:
    """Interventions from ``start`` up to and without ``end``, those of one moment together and in the order given."""
    found: dict[float, list[Intervention]] = {}
    for one in interventions:
        if start <= one.at < end:
            found.setdefault(one.at, []).append(one)
    return sorted(found.items())

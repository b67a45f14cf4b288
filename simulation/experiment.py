"""Where qualifications and calibrations of this room stand in MLflow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Experiment:
    """An experiment: the name in MLflow, and what people read."""

    name: str
    title: str


EXPERIMENT = Experiment("simulation", "Personal courses, scenarios and treatments")

"""The oracle: the true probability of an event given the full latent state, by simulating the rest of each life.

For a task's horizon the state is advanced with fresh random years in which the event does not happen; each replicate
contributes its exact cumulative incidence with death competing, and replicates are averaged. The remaining Monte Carlo
error comes only from how the future drifts (weight, drugs, other diseases), not from whether the event happens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthetic import hazards, states
from synthetic.clock import GRID, Array, Index
from synthetic.history import History
from synthetic.states import State

REPLICATES = 6
INDEX_YEARS = range(2, 8)
"""Index dates 2016-07-01 .. 2021-07-01 as positions in ``clock.GRID``."""


@dataclass(frozen=True)
class Task:
    """A prediction task: the conditions that end it, and its horizon in years."""

    name: str
    conditions: tuple[str, ...]
    years: int
    chance: Callable[[dict[str, Array]], Array]


TASKS = (
    Task("t2d_5y", ("t2d",), 5, lambda probability: probability["t2d"]),
    Task("ascvd_10y", hazards.ASCVD, 10, hazards.any_ascvd),
)


@dataclass(frozen=True)
class Risks:
    """Oracle risks of one task at one index date: rows are people at risk then."""

    task: str
    index_date: np.datetime64
    person: Index
    risk: Array
    linear_predictor: Array
    """Log of the cumulative hazard of the event over the horizon: a score that orders people as the oracle does."""


def risks(history: History, rng: np.random.Generator) -> list[Risks]:
    """Oracle risks of every task at every index date, for people alive and without the event."""
    result = []
    for task in TASKS:
        for k in INDEX_YEARS:
            date = GRID[k]
            state = history.states[k]
            free = np.all([state[name] == 0 for name in task.conditions], axis=0)
            person = np.flatnonzero(free & (np.isnat(history.death) | (history.death > date)))
            risk, hazard = _forward({name: values[person] for name, values in state.items()}, task, rng)
            result.append(Risks(task.name, date, person, risk, np.log(np.maximum(hazard, 1e-12))))
    return result


def _forward(state: State, task: Task, rng: np.random.Generator) -> tuple[Array, Array]:
    n = len(state["age"])
    now = {name: np.tile(values, REPLICATES) for name, values in state.items()}
    incidence, hazard, surviving = (np.zeros(n * REPLICATES), np.zeros(n * REPLICATES), np.ones(n * REPLICATES))
    for _ in range(task.years):
        probability = hazards.yearly(now)
        event, death = task.chance(probability), probability["death"]
        incidence += surviving * event * (1 - death / 2)
        hazard += -np.log1p(-event)
        surviving *= (1 - event) * (1 - death)
        others = [name for name in hazards.CONDITIONS if name not in task.conditions]
        onset = {name: (rng.random(len(event)) < probability[name]).astype(float) for name in others}
        now = states.advance(now, onset, rng)
    return incidence.reshape(REPLICATES, n).mean(axis=0), hazard.reshape(REPLICATES, n).mean(axis=0)

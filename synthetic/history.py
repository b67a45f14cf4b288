"""Twelve simulated years of each person: latent levels at every 1 July, onsets, treatments, death."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from synthetic import hazards, states
from synthetic.clock import DATA_CUTOFF, GRID, YEARS, Array, Days, Index, Mask
from synthetic.states import State, Traits

FIRST_RISK_YEAR = 2
"""Nobody dies before 1 July 2016: being enrolled means having been alive."""
NEVER = np.datetime64("NaT", "D")


@dataclass
class History:
    """What happened to people.

    Attributes:
        states: the latent state at each of ``clock.GRID`` (carried on for the dead, where it means nothing).
        onset: condition to date of onset; before the study start for what people came with.
        started: treatment to date of first use (``bp_drugs_2`` is the second antihypertensive).
        death: date of death; at most the cut-off.
        left: date on which a person moved away; nothing is recorded from then on.
    """

    states: list[State] = field(default_factory=list)
    onset: dict[str, Days] = field(default_factory=dict)
    started: dict[str, Days] = field(default_factory=dict)
    death: Days = field(default_factory=lambda: np.empty(0, dtype="datetime64[D]"))
    left: Days = field(default_factory=lambda: np.empty(0, dtype="datetime64[D]"))

    def level(self, name: str, person: Index, when: Days) -> Array:
        """Interpolate a latent, untreated level of ``states`` at dates within the study."""
        table = np.stack([state[name] for state in self.states])
        position = (when.astype("datetime64[D]") - GRID[0]).astype(float) / 365.25
        position = np.clip(position, 0, YEARS - 1e-9)
        k = position.astype(int)
        part = position - k
        return np.asarray(table[k, person] * (1 - part) + table[k + 1, person] * part)

    def status(self, name: str, person: Index, when: Days) -> Array:
        """A state that does not interpolate (smoking), at the last 1 July."""
        table = np.stack([state[name] for state in self.states])
        k = np.clip(((when.astype("datetime64[D]") - GRID[0]).astype(float) / 365.25).astype(int), 0, YEARS)
        return np.asarray(table[k, person])

    def on(self, treatment: str, person: Index, when: Days, settled_days: int = 30) -> Mask:
        """Whether a drug had been taken for ``settled_days``, when its effect on the labs is there."""
        start = self.started[treatment][person]
        return np.asarray(~np.isnat(start) & (when.astype("datetime64[D]") >= start + settled_days))


def simulate(traits: Traits, rng: np.random.Generator) -> History:
    """Run the causal model over the study for all people at once."""
    n = len(traits.age)
    history = History()
    state = _prevalent(states.first(traits, rng), history, rng)
    history.death = np.full(n, NEVER)
    history.left = np.where(
        rng.random(n) < 0.04, np.datetime64("2017-06-01") + rng.integers(0, 2800, n).astype("timedelta64[D]"), NEVER
    )
    history.states.append(state)
    for year in range(YEARS):
        probability = hazards.yearly(state)
        start, length = GRID[year], (GRID[year + 1] - GRID[year]).astype(int)
        dying = rng.random(n) < probability["death"]
        date = start + rng.integers(0, length, n).astype("timedelta64[D]")
        if year >= FIRST_RISK_YEAR:
            history.death = np.where(np.isnat(history.death) & dying, date, history.death)
        onset: dict[str, Array] = {}
        for name in hazards.CONDITIONS:
            happens = rng.random(n) < probability[name]
            date = start + rng.integers(0, length, n).astype("timedelta64[D]")
            happens &= np.isnat(history.death) | (date < history.death)
            history.onset[name] = np.where(happens, date, history.onset[name])
            onset[name] = happens.astype(float)
        later = states.advance(state, onset, rng)
        _date_changes(history, state, later, start, length, rng)
        history.states.append(later)
        state = later
    history.death = np.where(history.death > DATA_CUTOFF, NEVER, history.death)
    return history


def _prevalent(state: State, history: History, rng: np.random.Generator) -> State:
    """Diseases and drugs that people bring: five years' worth of their present hazards, dated in the last eight."""
    n = len(state["age"])
    probability = hazards.yearly(state)
    before = {}
    for name in hazards.CONDITIONS:
        has = rng.random(n) < -np.expm1(-(0.0 if name == "dementia" else 5.0) * probability[name])
        ago = rng.integers(200, 2900, n).astype("timedelta64[D]")
        history.onset[name] = np.where(has, GRID[0] - ago, NEVER)
        before[name] = has.astype(float)
    new = dict(state) | before
    new["a1c"] = np.where(before["t2d"] > 0, 7.3 + np.abs(rng.normal(0, 0.8, n)), state["a1c"])
    new["egfr"] = np.where(before["ckd"] > 0, np.clip(rng.normal(51, 6, n), 25, 59), state["egfr"])
    for name in ("hypertension", "hyperlipidemia", "obesity"):
        history.onset[name] = np.full(n, NEVER)
    for name in states.TREATMENTS:
        history.started[name] = np.full(n, NEVER)
    history.started["bp_drugs_2"] = np.full(n, NEVER)
    history.started["bp_drugs_3"] = np.full(n, NEVER)
    for _ in range(2):
        treated = states.treat(new, lambda p: (rng.random(n) < p).astype(float))
        _date_changes(history, new, treated, GRID[0] - np.timedelta64(700, "D"), 500, rng)
        new = treated
    return new


def _date_changes(
    history: History, old: State, new: State, start: np.datetime64, length: int, rng: np.random.Generator
) -> None:
    """Date what ``states.treat`` switched on: within the year, and not before the onset that called for it."""
    n = len(old["age"])
    date = start + rng.integers(0, length, n).astype("timedelta64[D]")
    triggers = {
        "metformin": ("t2d",), "second_line": ("t2d",), "anticoagulant": ("af",), "beta_blocker": ("mi",),
        "antiplatelet": ("mi", "chd", "stroke"), "inhaler": ("copd",),
    }  # fmt: skip
    for name in ("hypertension", "hyperlipidemia", "obesity"):
        history.onset[name] = np.where((new[name] > 0) & (old[name] == 0), date, history.onset[name])
    for name in states.TREATMENTS:
        began = (new[name] > 0) & (old[name] == 0)
        when = date
        onsets = [history.onset[cause] for cause in triggers.get(name, ())]
        if onsets:
            earliest = np.fmin.reduce(onsets) + np.timedelta64(7, "D")
            when = np.where(earliest > date, earliest, date)
        history.started[name] = np.where(began, when, history.started[name])
    for count in (2, 3):
        began = (new["bp_drugs"] == count) & (old["bp_drugs"] == count - 1)
        history.started[f"bp_drugs_{count}"] = np.where(began, date, history.started[f"bp_drugs_{count}"])

"""A prior from a population: other people's parameters, jittered, with what is known of this person put in."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simulation.engine.course import Array
from simulation.personal.glucose_record import PMOL_PER_UNIT

COLUMNS = {
    "V_G": "Vg",
    "k_1": "k1",
    "k_2": "k2",
    "V_I": "Vi",
    "m_1": "m1",
    "CL": "CL",
    "HE_b": "HEb",
    "k_max": "kmax",
    "k_min": "kmin",
    "k_abs": "kabs",
    "f": "f",
    "b": "b",
    "d": "d",
    "k_p2": "kp2",
    "k_p3": "kp3",
    "k_i": "ki",
    "V_mX": "Vmx",
    "K_m0": "Km0",
    "p_2U": "p2u",
    "k_d": "kd",
    "k_a1": "ka1",
    "k_a2": "ka2",
    "k_sc": "ksc",
    "G_b": "Gb",
    "EGP_b": "EGPb",
    "BW": "BW",
    "I_b": "Ib",
}
"""Parameter of `type_1_glucose` → column of a table of virtual patients in the form of the UVA/Padova simulator."""

FRACTIONS = ("HE_b", "f", "b", "d")
"""Between 0 and 1: drawn on the logit scale, the others on the log scale, so that no draw is impossible."""


class BadPopulation(ValueError):
    """A table of parameters that cannot be used; the message says why."""


@dataclass(frozen=True)
class Population:
    """Parameters of several people.

    Attributes:
        people: names, such as ``adult#001``; the part before ``#`` is the group.
        values: parameter → shape (people,).
    """

    people: tuple[str, ...]
    values: dict[str, Array]

    def others(self, person: str) -> Population:
        """The group of a person without the person."""
        group = person.split("#", maxsplit=1)[0]
        kept = [n for n, one in enumerate(self.people) if one != person and one.split("#")[0] == group]
        if len(kept) < 3:
            raise BadPopulation(f"{len(kept)} other people in the group {group!r}; at least 3 are needed for a prior")
        return Population(
            tuple(self.people[n] for n in kept), {name: value[kept] for name, value in self.values.items()}
        )


def read(path: Path) -> Population:
    """Read a CSV with one person per row, ``Name`` and the columns of `COLUMNS`.

    Raises:
        BadPopulation: a column is absent or a value is not a positive number.
    """
    with path.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    missing = sorted({"Name", *COLUMNS.values()} - set(rows[0] if rows else ()))
    if missing:
        raise BadPopulation(f"{path.name}, line 1: no column {', '.join(missing)}")
    values: dict[str, Array] = {}
    for name, column in COLUMNS.items():
        try:
            values[name] = np.array([float(row[column]) for row in rows])
        except ValueError as error:
            raise BadPopulation(f"{path.name}, column {column}: {error}") from None
        if not (values[name] > 0).all() or (name in FRACTIONS and not (values[name] < 1).all()):
            raise BadPopulation(f"{path.name}, column {column}: values must be positive, shares below 1")
    return Population(tuple(row["Name"] for row in rows), values)


def ensemble(
    population: Population, members: int, seed: int, *, weight: float, basal: float, jitter: float = 0.5
) -> dict[str, Array]:
    """Draw a prior ensemble: a donor for each member, jittered on the transformed scale, spread kept.

    Fasting insulin is not drawn: it is what the person's own basal infusion holds in steady state.

    Args:
        weight: kg.
        basal: basal infusion in U/min.
        jitter: share of each parameter's standard deviation that is drawn anew; 0 repeats donors, 1 forgets which
            values came together.

    Returns:
        parameter → shape (members,).
    """
    generator = np.random.default_rng(seed)
    donors = generator.integers(0, len(population.people), members)
    drawn: dict[str, Array] = {}
    for name in COLUMNS:
        if name in ("BW", "I_b"):
            continue
        z = _open(name, population.values[name])
        centre, spread = z.mean(), z.std(ddof=1)
        fresh = generator.standard_normal(members) * spread
        drawn[name] = _closed(name, centre + np.sqrt(1 - jitter**2) * (z[donors] - centre) + jitter * fresh)
    # How far a full stomach slows its own emptying differs between meals more than between people; it is left open.
    drawn["k_min"] += generator.uniform(0, 1, members) * np.maximum(drawn["k_max"] - drawn["k_min"], 0)
    drawn["BW"] = np.full(members, weight)
    drawn["I_b"] = basal * PMOL_PER_UNIT / weight / (drawn["V_I"] * _insulin_clearance(drawn))
    return drawn


def _insulin_clearance(p: dict[str, Array]) -> Array:
    """Net loss of plasma insulin per minute in steady state (liver and periphery)."""
    m_2 = 0.6 * p["CL"] / (p["HE_b"] * p["V_I"] * p["BW"])
    m_4 = 0.4 * p["CL"] / (p["V_I"] * p["BW"])
    m_30 = p["HE_b"] * p["m_1"] / (1 - p["HE_b"])
    return m_2 + m_4 - p["m_1"] * m_2 / (p["m_1"] + m_30)


def _open(name: str, value: Array) -> Array:
    return np.log(value / (1 - value)) if name in FRACTIONS else np.log(value)


def _closed(name: str, z: Array) -> Array:
    return 1 / (1 + np.exp(-z)) if name in FRACTIONS else np.exp(z)

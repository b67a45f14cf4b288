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


@dataclass(frozen=True)
class Prior:
    """A normal distribution on the transformed scale (`FRACTIONS` logit, the rest log), and what is known for sure.

    Its mean and its covariance are those of other people; correlations are shrunk, because the people are few. The
    last dimension is how far a full stomach slows its own emptying, from as the donors' (0) to not at all (1): it
    differs between meals more than between people and is left open.

    Attributes:
        weight: kg. basal: basal infusion in U/min, whose steady state gives fasting insulin.
    """

    names: tuple[str, ...]
    mean: Array
    covariance: Array
    weight: float
    basal: float

    def parameters(self, z: Array) -> dict[str, Array]:
        """Parameters of `type_1_glucose` of members ``z``, shape (members, dimensions)."""
        drawn = {name: _closed(name, z[:, number]) for number, name in enumerate(self.names)}
        quick = 1 / (1 + np.exp(-z[:, -1]))
        drawn["k_min"] = drawn["k_min"] + quick * np.maximum(drawn["k_max"] - drawn["k_min"], 0)
        drawn["BW"] = np.full(len(z), self.weight)
        drawn["I_b"] = self.basal * PMOL_PER_UNIT / self.weight / (drawn["V_I"] * _insulin_clearance(drawn))
        return drawn


def prior(population: Population, *, weight: float, basal: float, shrinkage: float = 0.5) -> Prior:
    """The prior of a person from other people.

    Args:
        weight: kg.
        basal: basal infusion in U/min.
        shrinkage: 0 keeps the correlations of the few, 1 forgets them.
    """
    names = tuple(name for name in COLUMNS if name not in ("BW", "I_b"))
    z = np.array([_open(name, population.values[name]) for name in names])
    covariance = np.cov(z)
    covariance = (1 - shrinkage) * covariance + shrinkage * np.diag(np.diag(covariance))
    whole = np.zeros((len(names) + 1, len(names) + 1))
    whole[:-1, :-1] = covariance + np.diag(np.full(len(names), 1e-4))
    whole[-1, -1] = 1.7**2  # close to even between 0 and 1 on the logit scale
    return Prior(names, np.append(z.mean(axis=1), 0.0), whole, weight, basal)


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

"""Who takes part: eligibility in SQL with attrition, and virtual people who are nobody's copy.

Virtual people come from a Gaussian copula: every covariate keeps its own distribution, every pair its rank correlation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np

from simulation.engine.course import Array

RELATION = "marts_analyst.patient_summary"
_RISK = "select person_id, risk as ten_year_risk from marts_risk.risk_current where task = 'ascvd_10y'"
FEWEST = 30
"""Eligible people below which no copula is fitted."""
CLOSE = 0.05
"""Quantile of the distances between real people that counts as close."""
MOST_CLOSE = 0.15
"""Share of virtual people that may be as close to a real person as the closest 5 % of real people are to each other."""


class BadPopulation(ValueError):
    """A population that cannot be drawn; the message says why."""


@dataclass(frozen=True)
class Eligible:
    """Who is eligible.

    Attributes:
        attrition: step → people left after it; the first is everyone.
        covariates: shape (people, covariates), complete.
        risk: ten-year risk of each under current care.
    """

    attrition: tuple[tuple[str, int], ...]
    names: tuple[str, ...]
    covariates: Array
    risk: Array


@dataclass(frozen=True)
class Privacy:
    """Distances of virtual people to the closest real one, next to those of real people to each other.

    Attributes:
        n_copies: virtual people who equal a real one.
        share_close: of virtual people closer than 95 % of real people are to their own closest.
    """

    n_copies: int
    share_close: float

    @property
    def passed(self) -> bool:
        """Whether nobody can be told from the virtual people."""
        return self.n_copies == 0 and self.share_close <= MOST_CLOSE


def eligible(connection: duckdb.DuckDBPyConnection, steps: Sequence[str], covariates: Sequence[str]) -> Eligible:
    """Apply eligibility, one condition after the other, to the patients of a published snapshot.

    Args:
        steps: SQL conditions over the columns of `RELATION`.

    Raises:
        BadPopulation: a condition or covariate is wrong, or too few people are left.
    """
    if wrong := [name for name in covariates if not re.fullmatch(r"[a-z][a-z0-9_]*", name)]:
        raise BadPopulation(f"{wrong[0]!r} is no column of {RELATION}")
    source = f"{RELATION} join ({_RISK}) as r using (person_id) where true"
    attrition, where = [("with a current ASCVD risk", _count(connection, source, "everyone"))], ""
    complete = " and ".join(f"{name} is not null" for name in covariates)
    for step in [*steps, complete]:
        where += f" and ({step})"
        label = step if step != complete else "covariates known"
        attrition.append((label, _count(connection, source + where, step)))
    if attrition[-1][1] < FEWEST:
        raise BadPopulation(f"{attrition[-1][1]} people are eligible; at least {FEWEST} are needed")
    columns = ", ".join(f"cast({name} as double)" for name in covariates)
    try:
        rows = connection.execute(f"select {columns}, r.ten_year_risk from {source}{where} order by person_id")
        found = rows.fetchall()
    except duckdb.Error as error:
        raise BadPopulation(f"a covariate is no number: {_first_line(error)}") from None
    table = np.array(found, dtype=float)
    return Eligible(tuple(attrition), tuple(covariates), table[:, :-1], np.clip(table[:, -1], 1e-6, 1 - 1e-6))


def _count(connection: duckdb.DuckDBPyConnection, source: str, step: str) -> int:
    if ";" in step:
        raise BadPopulation(f"eligibility {step!r}: one condition, without a semicolon")
    try:
        row = connection.execute(f"select count(*) from {source}").fetchone()
    except duckdb.Error as error:
        raise BadPopulation(f"eligibility {step!r}: {_first_line(error)}") from None
    return int(row[0]) if row else 0


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def virtual(real: Array, people: int, generator: np.random.Generator) -> Array:
    """Draw people like the real ones, shape (people, columns); values lie within the range of the real ones."""
    from scipy.special import ndtr, ndtri

    n = len(real)
    ranks = np.argsort(np.argsort(real + 1e-9 * generator.standard_normal(real.shape), axis=0), axis=0)
    scores = ndtri((ranks + 0.5) / n)
    correlation = np.corrcoef(scores, rowvar=False).reshape(real.shape[1], real.shape[1])
    drawn = ndtr(generator.multivariate_normal(np.zeros(len(correlation)), correlation, people, method="eigh"))
    places = (np.arange(n) + 0.5) / n
    ordered = np.sort(real, axis=0)
    return np.stack([np.interp(drawn[:, c], places, ordered[:, c]) for c in range(real.shape[1])], axis=1)


def privacy(real: Array, drawn: Array) -> Privacy:
    """Compare distances, in standard deviations of each column, of a sample of virtual people."""
    from scipy.spatial import cKDTree

    scale = np.where(real.std(axis=0) > 0, real.std(axis=0), 1.0)
    tree = cKDTree(real / scale)
    among_real = tree.query(real / scale, k=2)[0][:, 1]
    to_real = tree.query(drawn[:5_000] / scale, k=1)[0]
    return Privacy(int((to_real == 0).sum()), float(np.mean(to_real < np.quantile(among_real, CLOSE))))

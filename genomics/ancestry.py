"""Polygenic scores made comparable across ancestries, given principal components of a reference panel.

A score's mean and spread differ between populations for reasons that have nothing to do with risk. Three remedies, as
the PGS Catalog Calculator reports them (Lambert 2024, doi:10.1101/2024.05.29.24307783): the percentile and z in the
most similar reference population; z_norm1, the residual of a regression on the components (Khera 2019,
doi:10.1161/CIRCULATIONAHA.118.035658), over its standard deviation; z_norm2, over the standard deviation that the
components predict (Khan 2022, doi:10.1038/s41591-022-01869-1), here by a gamma regression with a log link.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from lake.quarantine import BadFile

_COMPONENT = re.compile(r"PC(\d+)", re.IGNORECASE)
_NAMES = {"sample": ("sample", "iid", "sampleid", "id"), "population": ("population", "pop", "superpop")}
LEAST_PEOPLE = 20
"""People that a reference population must have before anyone is compared with it."""

SHRINKAGE = 1e-6
"""Added to the diagonal of covariances, relative to their mean, so that few people do not make them singular."""

ANCESTRY_SCHEMA = pa.schema(
    [
        ("sample", pa.string()), ("pgs_id", pa.string()), ("most_similar_population", pa.string()),
        ("mahalanobis_p", pa.float64()), ("percentile_most_similar", pa.float64()),
        ("z_most_similar", pa.float64()), ("z_norm1", pa.float64()), ("z_norm2", pa.float64()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Components:
    """People in the space of the components: names, population (None unknown), PCs (people x components), scores."""

    samples: list[str]
    populations: list[str | None]
    pcs: np.ndarray
    scores: dict[str, np.ndarray]


def read_components(path: Path, pgs_ids: list[str]) -> Components:
    """Read a table by tabs or commas: sample, population, PC1 ..., and a column of sums per score, named by its id.

    Rows of the people to be judged need no population and no sums; rows of the reference panel need all.

    Raises:
        BadFile: a column is missing, or a component is not a number.
    """
    with path.open("rb") as file:
        delimiter = "\t" if b"\t" in file.readline() else ","
    try:
        table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=delimiter))
    except pa.ArrowInvalid as error:
        raise BadFile("invalid_components", f"not a table: {str(error).splitlines()[0][:200]}") from None
    names = {name.lstrip("#").lower(): name for name in table.column_names}
    sample, population = (next((names[one] for one in wanted if one in names), None) for wanted in _NAMES.values())
    numbered = sorted((int(match[1]), name) for name in table.column_names if (match := _COMPONENT.fullmatch(name)))
    if sample is None or population is None or not numbered:
        raise BadFile("invalid_components", "expected columns sample, population, PC1, PC2 ...")
    missing = [one for one in pgs_ids if one not in table.column_names]
    if missing:
        raise BadFile("invalid_components", f"no column with the reference sums of {', '.join(missing)}")
    try:
        pcs = np.column_stack([np.asarray(pc.cast(table[name], pa.float64())) for _, name in numbered])
        scores = {one: np.asarray(pc.cast(table[one], pa.float64()), dtype=float) for one in pgs_ids}
    except pa.ArrowInvalid:
        raise BadFile("invalid_components", "components and sums must be numbers") from None
    if not np.isfinite(pcs).all():
        raise BadFile("invalid_components", "a component is missing")
    told = [None if one in (None, "") else str(one) for one in table[population].to_pylist()]
    return Components([str(one) for one in table[sample].to_pylist()], told, pcs, scores)


def normalise_scores(scores: pa.Table, components: Components) -> pa.Table:
    """Compare scores with the reference panel.

    Args:
        scores: sample, pgs_id, sum; samples must stand among the components.
        components: the panel (rows with population and sums) and the samples.

    Returns:
        One row per sample and score: ``ANCESTRY_SCHEMA``. ``mahalanobis_p`` is the chance of a distance to the most
        similar population as large as this one: near 0, the panel has nobody like this person.

    Raises:
        BadFile: a sample has no components, or no population is large enough.
    """
    place = {name: index for index, name in enumerate(components.samples)}
    wanted = list(dict.fromkeys(scores["sample"].to_pylist()))
    absent = [name for name in wanted if name not in place]
    if absent:
        raise BadFile("no_components", f"{len(absent)} samples of the VCF are not among the components")
    targets = set(wanted)
    panel = np.array(
        [
            told is not None and name not in targets
            for name, told in zip(components.samples, components.populations, strict=True)
        ]
    )
    labels = np.array([told or "" for told in components.populations])
    at = np.array([place[name] for name in wanted])
    population, p = _most_similar(components.pcs[panel], labels[panel], components.pcs[at])
    rows = []
    for pgs_id in dict.fromkeys(scores["pgs_id"].to_pylist()):
        mine = scores.filter(pc.equal(scores["pgs_id"], pgs_id))
        sums = dict(zip(mine["sample"].to_pylist(), mine["sum"].to_pylist(), strict=True))
        target = np.array([np.nan if sums.get(name) is None else sums[name] for name in wanted], dtype=float)
        reference = components.scores[pgs_id][panel]
        known = np.isfinite(reference)
        if known.sum() < LEAST_PEOPLE:
            raise BadFile("small_panel", f"{pgs_id}: fewer than {LEAST_PEOPLE} people of the panel have a sum")
        one, two = _adjusted(components.pcs[panel][known], reference[known], components.pcs[at], target)
        for index, name in enumerate(wanted):
            peers = reference[known & (labels[panel] == population[index])]
            rows.append(
                {
                    "sample": name,
                    "pgs_id": pgs_id,
                    "most_similar_population": population[index],
                    "mahalanobis_p": float(p[index]),
                    "percentile_most_similar": _finite(100 * np.mean(peers < target[index]), target[index]),
                    "z_most_similar": _finite((target[index] - peers.mean()) / peers.std(ddof=1), target[index]),
                    "z_norm1": _finite(one[index], target[index]),
                    "z_norm2": _finite(two[index], target[index]),
                }
            )
    return pa.Table.from_pylist(rows, ANCESTRY_SCHEMA)


def _finite(value: float, condition: float) -> float | None:
    return float(value) if np.isfinite(value) and np.isfinite(condition) else None


def _most_similar(panel: np.ndarray, labels: np.ndarray, target: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Population with the least Mahalanobis distance, and the chi-squared p of that distance."""
    from scipy.stats import chi2

    names = [name for name in sorted(set(labels.tolist())) if (labels == name).sum() >= LEAST_PEOPLE]
    if not names:
        raise BadFile("small_panel", f"no population of the panel has {LEAST_PEOPLE} people")
    distances = []
    for name in names:
        people = panel[labels == name]
        covariance = np.atleast_2d(np.cov(people, rowvar=False))
        covariance = covariance + np.eye(len(covariance)) * SHRINKAGE * np.trace(covariance) / len(covariance)
        away = target - people.mean(axis=0)
        distances.append(np.einsum("ij,ij->i", away @ np.linalg.inv(covariance), away))
    table = np.array(distances)
    best = table.argmin(axis=0)
    return [names[index] for index in best.tolist()], chi2.sf(table.min(axis=0), df=target.shape[1])


def _adjusted(
    panel: np.ndarray, sums: np.ndarray, target_pcs: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """z_norm1 and z_norm2 of the targets."""
    from sklearn.linear_model import GammaRegressor

    centre, spread = panel.mean(axis=0), panel.std(axis=0)
    x, x_target = (panel - centre) / spread, (target_pcs - centre) / spread
    design, design_target = (np.column_stack([np.ones(len(one)), one]) for one in (x, x_target))
    coefficients, *_ = np.linalg.lstsq(design, sums, rcond=None)
    residual, away = sums - design @ coefficients, target - design_target @ coefficients
    variance = residual.var(ddof=design.shape[1])
    squares = np.maximum(residual**2 / variance, 1e-12)
    model = GammaRegressor(alpha=0.0, max_iter=1000, tol=1e-8).fit(x, squares)
    return away / np.sqrt(variance), away / np.sqrt(variance * model.predict(x_target))

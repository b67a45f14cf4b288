"""Drift: the people scored now against those of the training snapshot, by feature, by what is missing, by score.

The reference is the newest year of index dates that a model was trained on, kept with the model as counts in bins,
never as values of people. The population stability index is read with its test: without drift PSI / (1/n + 1/m) follows
chi-square with one degree of freedom less than there are bins (Yurdakul and Naranjo 2020, J Risk Model Valid
14:89-100), so that a small cohort's noise is no drift. People are counted once, whatever their number of rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ml.task import Monitoring

Floats = NDArray[np.float64]
Kind = Literal["feature", "missing", "score", "volume", "calibration"]
Status = Literal["ok", "watch", "alarm", "insufficient"]
SCORE = "risk"
_BINS = 10
_FEWEST = 50
"""People on either side below which nothing is said."""
_ALPHA = 0.01


@dataclass(frozen=True)
class Signal:
    """One thing that was watched.

    Attributes:
        kind: feature, missing, score, volume or calibration. name: which feature, threshold or age of the scores.
        value, reference: what is compared: means of known values, shares, or observed and expected risk.
        statistic: PSI; difference of shares; O:E. lower, upper: its 95 % interval, where it has one.
        n, n_reference: people on both sides.
    """

    kind: Kind
    name: str
    n: int
    n_reference: int
    status: Status
    value: float = math.nan
    reference: float = math.nan
    statistic: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    p_value: float = math.nan


def profile(names: list[str], values: Floats, risk: Floats, thresholds: tuple[float, ...]) -> dict[str, Any]:
    """Return what people looked like: per feature and for the risk the edges and counts of bins, and the mean.

    Args:
        values: (n, p), one row per person, NaN where not known. risk: (n,) of the same people.
    """
    columns = {name: _described(values[:, number]) for number, name in enumerate(names)}
    above = {f"{one:g}": float((risk >= one).mean()) if len(risk) else 0.0 for one in thresholds}
    return {"n": len(risk), "features": columns, SCORE: _described(risk), "above": above}


def compare(
    reference: dict[str, Any], names: list[str], values: Floats, risk: Floats, rules: Monitoring
) -> list[Signal]:
    """Return the signals of features, missingness, score and alert volume of people (n, p) against a profile."""
    found: list[Signal] = []
    tests = 2 * len(names) + 1 + len(reference["above"])
    for number, name in enumerate(names):
        if (before := reference["features"].get(name)) is None:
            continue
        found.append(
            _shares("missing", name, np.isnan(values[:, number]), before["missing"], reference["n"], rules, tests)
        )
        found.append(_moved("feature", name, values[:, number], before, rules, tests))
    found.append(_moved("score", SCORE, risk, reference[SCORE], rules, tests))
    for threshold, share in reference["above"].items():
        found.append(_shares("volume", threshold, risk >= float(threshold), share, reference["n"], rules, tests))
    return found


def psi(reference: Floats, now: Floats) -> float:
    """Return the population stability index of two sets of counts (bins,); empty bins count half a person."""
    expected, actual = (np.maximum(one, 0.5) / np.maximum(one, 0.5).sum() for one in (reference, now))
    return float(((actual - expected) * np.log(actual / expected)).sum())


def _described(values: Floats) -> dict[str, Any]:
    known = values[~np.isnan(values)]
    edges = _edges(known)
    return {
        "edges": list(map(float, edges)),
        "counts": list(map(int, _counts(known, edges))),
        "missing": float(np.isnan(values).mean()) if len(values) else 1.0,
        "mean": float(known.mean()) if len(known) else None,
    }


def _edges(known: Floats) -> Floats:
    """Between few distinct values, else at the deciles; never at an extreme, which would be one person's value."""
    distinct = np.unique(known)
    if len(distinct) <= _BINS:
        return np.asarray((distinct[1:] + distinct[:-1]) / 2)
    return np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))


def _counts(known: Floats, edges: Floats) -> NDArray[np.int64]:
    return np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)


def _moved(kind: Kind, name: str, now: Floats, before: dict[str, Any], rules: Monitoring, tests: int) -> Signal:
    from scipy.stats import chi2

    known = now[~np.isnan(now)]
    counts = np.array(before["counts"], float)
    n, m = len(known), int(counts.sum())
    mean = float(known.mean()) if n else math.nan
    reference = math.nan if before["mean"] is None else before["mean"]
    if min(n, m) < _FEWEST:
        return Signal(kind, name, n, m, "insufficient", mean, reference)
    index = psi(counts, _counts(known, np.array(before["edges"], float)).astype(float))
    p = float(chi2.sf(index / (1 / n + 1 / m), len(counts) - 1)) if len(counts) > 1 else 1.0
    status: Status = "ok"
    if p < _ALPHA / tests and index >= rules.psi_watch:
        status = "alarm" if index >= rules.psi_alarm else "watch"
    return Signal(kind, name, n, m, status, mean, reference, index, p_value=p)


def _shares(
    kind: Kind, name: str, now: NDArray[np.bool_], reference: float, m: int, rules: Monitoring, tests: int
) -> Signal:
    n = len(now)
    value = float(now.mean()) if n else math.nan
    if min(n, m) < _FEWEST:
        return Signal(kind, name, n, m, "insufficient", value, reference)
    pooled = (value * n + reference * m) / (n + m)
    error = math.sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / n + 1 / m))
    spread = math.sqrt(value * (1 - value) / n + reference * (1 - reference) / m)
    difference = value - reference
    p = math.erfc(abs(difference) / error / math.sqrt(2))
    status: Status = "ok"
    if p < _ALPHA / tests and abs(difference) >= rules.share_alarm / 2:
        status = "alarm" if abs(difference) >= rules.share_alarm else "watch"
    low, high = difference - 1.96 * spread, difference + 1.96 * spread
    return Signal(kind, name, n, m, status, value, reference, difference, low, high, p)

"""LightGBM in discrete time with a competing event, optionally with the equation as offset.

The multinomial of an interval (nothing, event, competing) is learned as its two baseline-category logits: a booster of
event against nothing, and one of competing event against nothing. LightGBM's own multiclass objective learns the same
probabilities (measured on flchain and mgus2: C .8003 and .6130 against .8008 and .6186 here, equal Brier), but it
applies monotone constraints to the trees of *every* class, so that the odds of the event are not monotone at all.

The offset is the recalibrated equation's margin, given as ``init_score``: the trees then learn only what the equation
does not know, which on small cohorts is not worse than either alone (reference/ml.md 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml.models import trees
from ml.models.clinical import RECALIBRATED, death_margins, equation_contributions, fit_death
from ml.models.discrete import Floats, expand
from ml.models.fitted import Fitted, Sample

DEFAULTS: dict[str, float | int] = {
    "rounds": 200,
    "learning_rate": 0.05,
    "num_leaves": 4,
    "min_data_in_leaf": 50,
    "min_sum_hessian_in_leaf": 2.0,
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "max_bin": 63,
    "bin_construct_sample_cnt": 50_000,
}
"""Fixed and regularised; tuning gained +.001 C on the reference cohorts and is not worth its optimism."""

OFFSET_DEFAULTS: dict[str, float | int] = {**DEFAULTS, "rounds": 60, "learning_rate": 0.03}
"""Beside an equation there is less to learn: as many trees as without it made it worse on Framingham's third exam (C
.7355 after 200 rounds at .05, .7453 so, .7439 the recalibrated equation alone)."""

_CAUSES = {1: "event", 2: "competing"}
_FEWEST = {1: 5, 2: 100}
"""People with the event, or the competing event, below which a cause keeps its start: there is nothing to learn from,
and few deaths say no more of death than its line by age."""
_BATCH = 50_000
"""Rows predicted at a time: memory does not grow with the cohort."""
_THREADED_VALUES = 20_000_000
"""Below this many values one thread is faster: small trees spend their time waiting for each other."""


@dataclass(frozen=True)
class _LightGBM:
    """``params``: recalibrated {…} when the equation is the offset, else base: the event's margin, death's line."""

    def fit(self, fitted: Fitted, sample: Sample, *, threads: int = 0, seed: int = 0) -> Fitted:
        row, interval, label = expand(sample.time, sample.event, fitted.cuts)
        params: dict[str, Any] = {}
        if fitted.spec.offset:
            params["recalibrated"] = RECALIBRATED.fit(fitted, sample).params
        else:
            counts = np.bincount(label, minlength=3) + 0.5
            params["base"] = {
                "event": float(np.log(counts[1] / counts[0])),
                "competing": fit_death(fitted, sample, (row, interval, label, len(fitted.cuts) - 1)),
            }
        fitted = replace(fitted, params=params)
        start = _start(fitted, sample.values)[row, interval]
        values = np.column_stack([sample.values[row], interval.astype(float)])
        boosters = {}
        for cause, name in _CAUSES.items():
            used = (label == 0) | (label == cause)
            if len(np.unique(sample.person[row[label == cause]])) >= _FEWEST[cause]:
                boosters[name] = _boost(
                    fitted, name, values[used], label[used] == cause, start[used, cause - 1], threads=threads, seed=seed
                )
        return replace(fitted, boosters=boosters)

    def margins(self, fitted: Fitted, values: Floats) -> Floats:
        found = _start(fitted, values)
        for cause, name in _CAUSES.items():
            if name in fitted.boosters:
                found[:, :, cause - 1] += _by_interval(fitted, name, values)
        return found

    def contributions(self, fitted: Fitted, values: Floats) -> Floats:
        """TreeSHAP of the event's margin in the middle interval, plus the offset's own contributions."""
        added = np.zeros_like(values)
        if "event" in fitted.boosters:
            middle = (len(fitted.cuts) - 1) // 2
            added += _predict(fitted, "event", values, middle, pred_contrib=True)[:, : values.shape[1]]
        if fitted.spec.offset:
            offset = replace(fitted, params=fitted.params["recalibrated"])
            added += fitted.params["recalibrated"]["event"][1] * equation_contributions(offset, values)
        return added


def _boost(fitted: Fitted, cause: str, values: Floats, hit: Any, start: Floats, *, threads: int, seed: int) -> Any:
    import lightgbm

    options = (OFFSET_DEFAULTS if fitted.spec.offset else DEFAULTS) | fitted.spec.params
    rounds = int(options.pop("rounds"))
    directions = [column.monotone if cause == "event" else 0 for column in fitted.columns]
    return lightgbm.train(
        {
            **options,
            "objective": "binary",
            "boost_from_average": False,
            "bagging_freq": 1,
            "monotone_constraints": [*directions, 0],
            "monotone_constraints_method": "basic",
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": threads if values.size > _THREADED_VALUES else 1,
            "seed": seed,
            "verbosity": -1,
        },
        lightgbm.Dataset(
            values,
            label=hit.astype(float),
            init_score=start,
            feature_name=[*(f"f{i}" for i in range(len(fitted.columns))), "interval"],
        ),
        # death without the outcome is a nuisance here: half the trees
        num_boost_round=rounds if cause == "event" else max(rounds // 2, 1),
    )


def _start(fitted: Fitted, values: Floats) -> Floats:
    if fitted.spec.offset:
        return RECALIBRATED.margins(replace(fitted, params=fitted.params["recalibrated"]), values)
    base = fitted.params["base"]
    death = death_margins(fitted, values, base["competing"])
    return np.stack([np.full_like(death, base["event"]), death], axis=2)


def _by_interval(fitted: Fitted, cause: str, values: Floats) -> Floats:
    """Return what the trees of a cause add in each interval (n, K)."""
    width, intervals = len(fitted.columns), len(fitted.cuts) - 1
    if (small := trees.forest(fitted.boosters[cause], width, intervals)) is not None:
        return small.margins(values)
    found = np.empty((len(values), intervals))
    for first in range(0, len(values), _BATCH):
        rows = slice(first, first + _BATCH)
        for interval in range(intervals):
            found[rows, interval] = _predict(fitted, cause, values[rows], interval, raw_score=True)
    return found


def _predict(fitted: Fitted, cause: str, values: Floats, interval: int, **how: bool) -> Floats:
    rows = np.column_stack([values, np.full(len(values), float(interval))])
    threads = 0 if rows.size > _THREADED_VALUES else 1
    return np.asarray(fitted.boosters[cause].predict(rows, num_threads=threads, **how))


LIGHTGBM = _LightGBM()

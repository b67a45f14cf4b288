"""LightGBM in discrete time (multiclass: nothing, event, competing), optionally with the equation as offset.

The offset is the recalibrated equation's margin, given as ``init_score``: the trees then learn only what the equation
does not know, which on small cohorts is not worse than either alone (reference/ml.md 3.3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ml.models.clinical import RECALIBRATED, equation_contributions
from ml.models.discrete import Floats, expand
from ml.models.fitted import Fitted, Sample

DEFAULTS: dict[str, float | int] = {
    "rounds": 100,
    "learning_rate": 0.06,
    "num_leaves": 8,
    "min_data_in_leaf": 40,
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "max_bin": 63,
}
"""Fixed and regularised; tuning gained +.001 C on the reference cohorts and is not worth its optimism."""

_THREADED_VALUES = 20_000_000
"""Below this many values one thread is faster: small trees spend their time waiting for each other."""


@dataclass(frozen=True)
class _LightGBM:
    """``params``: recalibrated {…} when the equation is the offset, first {margins of the base rates}."""

    def fit(self, fitted: Fitted, sample: Sample, *, threads: int = 0, seed: int = 0) -> Fitted:
        import lightgbm

        row, interval, label = expand(sample.time, sample.event, fitted.cuts)
        params: dict[str, object] = {}
        if fitted.spec.offset:
            params["recalibrated"] = RECALIBRATED.fit(fitted, sample).params
        else:
            counts = np.bincount(label, minlength=3) + 0.5
            params["base"] = [float(np.log(counts[1] / counts[0])), float(np.log(counts[2] / counts[0]))]
        fitted = replace(fitted, params=params)
        start = np.zeros((len(row), 3))
        start[:, 1:] = _start(fitted, sample.values)[row, interval]
        options = DEFAULTS | fitted.spec.params
        rounds = int(options.pop("rounds"))
        data = lightgbm.Dataset(
            np.column_stack([sample.values[row], interval.astype(float)]),
            label=label,
            init_score=start.ravel(order="F"),
            feature_name=[*(f"f{i}" for i in range(len(fitted.columns))), "interval"],
            free_raw_data=True,
        )
        booster = lightgbm.train(
            {
                **options,
                "objective": "multiclass",
                "num_class": 3,
                "boost_from_average": False,
                "bagging_freq": 1,
                "monotone_constraints": [*(column.monotone for column in fitted.columns), 0],
                "monotone_constraints_method": "basic",
                "deterministic": True,
                "force_row_wise": True,
                "num_threads": threads if len(row) * len(fitted.columns) > _THREADED_VALUES else 1,
                "seed": seed,
                "verbosity": -1,
            },
            data,
            num_boost_round=rounds,
        )
        return replace(fitted, booster=booster)

    def margins(self, fitted: Fitted, values: Floats) -> Floats:
        assert fitted.booster is not None
        rows, intervals = len(values), len(fitted.cuts) - 1
        found = _start(fitted, values)
        for interval in range(intervals):
            raw = fitted.booster.predict(
                _with_interval(values, interval), raw_score=True, num_threads=_threads(values)
            ).reshape(rows, 3)
            found[:, interval] += raw[:, 1:] - raw[:, :1]
        return found

    def contributions(self, fitted: Fitted, values: Floats) -> Floats:
        """TreeSHAP of the event's margin in the middle interval, plus the offset's own contributions."""
        assert fitted.booster is not None
        middle = (len(fitted.cuts) - 1) // 2
        width = values.shape[1]
        raw = np.asarray(
            fitted.booster.predict(_with_interval(values, middle), pred_contrib=True, num_threads=_threads(values))
        )
        raw = raw.reshape(len(values), 3, width + 2)
        added = raw[:, 1, :width] - raw[:, 0, :width]
        if fitted.spec.offset:
            offset = replace(fitted, params=fitted.params["recalibrated"])
            added = added + fitted.params["recalibrated"]["event"][1] * equation_contributions(offset, values)
        return added


def _start(fitted: Fitted, values: Floats) -> Floats:
    if fitted.spec.offset:
        return RECALIBRATED.margins(replace(fitted, params=fitted.params["recalibrated"]), values)
    return np.broadcast_to(np.array(fitted.params["base"]), (len(values), len(fitted.cuts) - 1, 2)).copy()


def _threads(values: Floats) -> int:
    return 0 if values.size > _THREADED_VALUES else 1


def _with_interval(values: Floats, interval: int) -> Floats:
    return np.column_stack([values, np.full(len(values), float(interval))])


LIGHTGBM = _LightGBM()

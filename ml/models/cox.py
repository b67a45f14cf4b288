"""Cox regression (lifelines) with a small penaliser for the event; competing death as in the recalibrated equation.

A line has no end: one mixed-up sample far outside moves it for everyone. Numbers are therefore taken no further than
all but the outermost people of training went (``winsorize``, a share of each side, 0.005; 0 leaves them as they are).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml.models.clinical import death_margins, fit_death
from ml.models.discrete import NEVER, Floats, expand
from ml.models.fitted import Fitted, Sample

_FEWEST_VALUES = 10
"""Answers and flags have no outermost values."""
_FAR = 1e300


@dataclass(frozen=True)
class _Cox:
    """``spec.features`` (all when empty), standardised, missing at the median.

    ``params``: numbers, low, high, centre, scale; beta; hazard: baseline hazard per interval; competing: death by age
    and trend.
    """

    def fit(self, fitted: Fitted, sample: Sample, **_: int) -> Fitted:
        names = [column.name for column in fitted.columns]
        wanted = fitted.spec.features or tuple(names)
        if unknown := sorted(set(wanted) - set(names)):
            raise ValueError(
                f"model {fitted.spec.name!r} uses features that the set does not have: {', '.join(unknown)}"
            )
        numbers = [names.index(name) for name in wanted]
        chosen = sample.values[:, numbers]
        known = np.asarray((~np.isnan(chosen)).sum(axis=0) > 0)
        share = float(fitted.spec.params.get("winsorize", 0.005))
        bounds = [_bounds(chosen[:, i], share) if known[i] else (0.0, 0.0) for i in range(len(numbers))]
        low, high = np.array(bounds).T.reshape(2, -1)
        chosen = np.clip(chosen, low, high)
        with np.errstate(invalid="ignore"):
            centre = np.array([np.nanmedian(chosen[:, i]) if known[i] else 0.0 for i in range(len(numbers))])
            scale = np.array([np.nanstd(chosen[:, i]) if known[i] else 0.0 for i in range(len(numbers))])
        kept = [i for i in range(len(numbers)) if scale[i] > 1e-9]  # a constant has no effect to estimate
        params: dict[str, Any] = {
            "numbers": [numbers[i] for i in kept],
            "low": [float(low[i]) for i in kept],
            "high": [float(high[i]) for i in kept],
            "centre": [float(centre[i]) for i in kept],
            "scale": [float(scale[i]) for i in kept],
        }
        standard = _standardised(params, sample.values)
        penalizer = float(fitted.spec.params.get("penalizer", 0.05))
        happened = (sample.event == 1) & (
            sample.time <= fitted.cuts[-1]
        )  # who had it later had not had it by the horizon
        params |= _fit_cause(standard, sample.time, happened, fitted.cuts, penalizer)
        periods = (*expand(sample.time, sample.event, fitted.cuts), len(fitted.cuts) - 1)
        params["competing"] = fit_death(fitted, sample, periods)  # type: ignore[arg-type]
        return replace(fitted, params=params)

    def margins(self, fitted: Fitted, values: Floats) -> Floats:
        relative = np.exp(np.clip(_standardised(fitted.params, values) @ np.array(fitted.params["beta"]), -20, 20))
        # beyond a rate of 300 the event is certain, and exp would overflow
        rates = np.minimum(relative[:, None] * np.array(fitted.params["hazard"])[None, :], 300.0)
        with np.errstate(divide="ignore"):
            # without competing death, P = 1 - exp(-rate), so the odds are exp(rate) - 1
            event = np.maximum(np.log(np.expm1(rates)), NEVER)
        return np.stack([event, death_margins(fitted, values, fitted.params["competing"])], axis=2)

    def contributions(self, fitted: Fitted, values: Floats) -> Floats:
        added = np.zeros_like(values)
        added[:, fitted.params["numbers"]] = _standardised(fitted.params, values) * np.array(fitted.params["beta"])
        return added


def _bounds(values: Floats, share: float) -> tuple[float, float]:
    """Return how far values are taken; without a share, as far as a number goes."""
    values = values[~np.isnan(values)]
    if share == 0 or len(np.unique(values)) < _FEWEST_VALUES:
        return -_FAR, _FAR
    low, high = np.quantile(values, [share, 1 - share])
    return (float(low), float(high)) if low < high else (-_FAR, _FAR)


def _standardised(params: dict[str, Any], values: Floats) -> Floats:
    within = np.clip(values[:, params["numbers"]], np.array(params["low"]), np.array(params["high"]))
    return np.nan_to_num((within - np.array(params["centre"])) / np.array(params["scale"]))


def _fit_cause(standard: Floats, time: Floats, happened: Any, cuts: Floats, penalizer: float) -> dict[str, list[float]]:
    import pandas as pd
    from lifelines import CoxPHFitter

    width = len(cuts) - 1
    exposure = np.array([np.clip(time - cuts[k], 0, cuts[k + 1] - cuts[k]).sum() for k in range(width)])
    if happened.sum() < 2 or standard.shape[1] == 0:
        # too few to estimate effects: the crude rate, so that the cause is not forgotten
        rate = happened.sum() / max(exposure.sum(), 1.0)
        return {"beta": [0.0] * standard.shape[1], "hazard": [float(rate * d) for d in np.diff(cuts)]}
    table = pd.DataFrame(standard, columns=[f"x{i}" for i in range(standard.shape[1])])
    table["time"], table["happened"] = np.minimum(time, cuts[-1]), happened
    fitter = CoxPHFitter(penalizer=penalizer)
    # whole steps run away where events are few, and only a warning says so
    fitter.fit(table, "time", "happened", fit_options={"step_size": 0.5})
    beta = fitter.params_.to_numpy()
    # lifelines centres covariates; the baseline is moved to our zero
    shift = float(np.exp(-beta @ standard.mean(axis=0)))
    cumulative = fitter.baseline_cumulative_hazard_.iloc[:, 0]
    at_cuts = np.interp(cuts, np.concatenate([[0.0], cumulative.index.to_numpy()]), np.concatenate([[0.0], cumulative]))
    return {"beta": list(map(float, beta)), "hazard": list(map(float, np.diff(at_cuts) * shift))}


COX = _Cox()

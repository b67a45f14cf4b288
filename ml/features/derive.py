"""Functions that derive a feature from other features. All take and return float arrays; NaN is missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ml.equations.ckd_epi import egfr_2021

Floats = NDArray[np.float64]


def bmi(bmi: Floats, weight_kg: Floats, height_cm: Floats) -> Floats:
    """Body mass index (kg/m2) as measured, else from weight (kg) and height (cm)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isnan(bmi), weight_kg / (height_cm / 100) ** 2, bmi)


def egfr(egfr: Floats, creatinine: Floats, age: Floats, sex_male: Floats) -> Floats:
    """eGFR (mL/min/1.73 m2) from creatinine (mg/dL) by CKD-EPI 2021, else as reported by the laboratory."""
    computed = egfr_2021(creatinine, age, sex_male)
    return np.where(np.isnan(computed), egfr, computed)


def high_glucose(fasting_glucose: Floats, hba1c: Floats) -> Floats:
    """1 if fasting glucose reached 100 mg/dL or HbA1c 5.7 % (ADA prediabetes thresholds), 0 if measured and not."""
    known = ~(np.isnan(fasting_glucose) & np.isnan(hba1c))
    raised = (np.nan_to_num(fasting_glucose) >= 100) | (np.nan_to_num(hba1c) >= 5.7)
    return np.where(known, raised.astype(float), np.nan)


def inactive(steps: Floats) -> Floats:
    """1 below 7,500 steps a day (Tudor-Locke 2004), else 0; stands in for "30 minutes of activity daily"."""
    return np.where(np.isnan(steps), np.nan, (steps < 7500).astype(float))


FUNCTIONS: dict[str, Callable[..., Floats]] = {
    "bmi": bmi,
    "egfr": egfr,
    "high_glucose": high_glucose,
    "inactive": inactive,
}

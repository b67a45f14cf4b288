"""CKD-EPI 2021 estimated GFR from creatinine, race-free (Inker LA et al., N Engl J Med 2021;385:1737-49, Table 2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def egfr_2021(creatinine: ArrayLike, age: ArrayLike, sex_male: ArrayLike) -> NDArray[np.float64]:
    """Return eGFR in mL/min/1.73 m2.

    Args:
        creatinine: serum creatinine, mg/dL.
        age: years, 18 or older; younger gives NaN.
        sex_male: 1 male, 0 female.
    """
    creatinine, age, male = (np.asarray(one, float) for one in (creatinine, age, sex_male))
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = np.where(male == 1, 0.9, 0.7)
        alpha = np.where(male == 1, -0.302, -0.241)
        ratio = np.where(creatinine > 0, creatinine, np.nan) / kappa
        egfr = 142 * np.minimum(ratio, 1) ** alpha * np.maximum(ratio, 1) ** -1.2 * 0.9938**age
        egfr = np.where(male == 1, egfr, egfr * 1.012)
        return np.where(np.isnan(male) | (age < 18), np.nan, egfr)


def egfr_2021_cystatin(
    creatinine: ArrayLike, cystatin: ArrayLike, age: ArrayLike, sex_male: ArrayLike
) -> NDArray[np.float64]:
    """Return eGFR in mL/min/1.73 m2 from creatinine (mg/dL) and cystatin C (mg/L)."""
    creatinine, cystatin, age, male = (np.asarray(one, float) for one in (creatinine, cystatin, age, sex_male))
    with np.errstate(invalid="ignore", divide="ignore"):
        alpha = np.where(male == 1, -0.144, -0.219)
        ratio = np.where(creatinine > 0, creatinine, np.nan) / np.where(male == 1, 0.9, 0.7)
        other = np.where(cystatin > 0, cystatin, np.nan) / 0.8
        egfr = (
            135
            * np.minimum(ratio, 1) ** alpha
            * np.maximum(ratio, 1) ** -0.544
            * np.minimum(other, 1) ** -0.323
            * np.maximum(other, 1) ** -0.778
            * 0.9961**age
        )
        egfr = np.where(male == 1, egfr, egfr * 0.963)
        return np.where(np.isnan(male) | (age < 18), np.nan, egfr)

"""CAIDE: dementia within 20 years in middle age, without and with APOE."""

from __future__ import annotations

import numpy as np

from ml.equations.base import Equation, Floats, Input, by_sex, logistic
from ml.equations.cardiovascular import SEX


def points(
    *,
    age: Floats,
    sex_male: Floats,
    education_years: Floats,
    systolic_bp: Floats,
    bmi: Floats,
    total_cholesterol: Floats,
    inactive: Floats,
    apoe_e4: Floats | None = None,
) -> Floats:
    """Return CAIDE points, 0 to 15, or 0 to 18 with APOE (n,), Kivipelto 2006, tables 3 and 4.

    Args:
        age: years. education_years: years of formal education. systolic_bp: mmHg. bmi: kg/m2. total_cholesterol:
            mmol/L. inactive, apoe_e4 (any e4 allele): flags.
    """
    genetic = apoe_e4 is not None
    found = np.select([age < 47, age <= 53], [0, 3], 5 if genetic else 4)
    found = found + np.select(
        [education_years >= 10, education_years >= 7], [0, 3 if genetic else 2], 4 if genetic else 3
    )
    found = found + by_sex(sex_male, 0, 1) + 2 * (systolic_bp > 140) + 2 * (bmi > 30)
    found = found + (1 if genetic else 2) * (total_cholesterol > 6.5) + inactive
    return found + 2 * apoe_e4 if apoe_e4 is not None else found


def caide(**inputs: Floats) -> Floats:
    """Return the 20-year risk (n,) by the paper's logistic model on the points; inputs as ``points``."""
    if "apoe_e4" in inputs:
        return logistic(-8.083 + 1.020 + 0.390 * points(**inputs))
    return logistic(-7.406 + 0.796 + 0.401 * points(**inputs))


_BASE = (
    Input("age", "a", 39, 64.999, None, clamp=False),
    SEX,
    Input("education_years", "a", 0, 30, None),
    Input("systolic_bp", "mm[Hg]", 80, 260, None),
    Input("bmi", "kg/m2", 12, 70, None),
    Input("total_cholesterol", "mmol/L", 2, 20, None),
    Input("inactive", "1", 0, 1, 0),
)
_APOE = Input("apoe_e4", "1", 0, 1, None)
_CITATION = "Kivipelto M et al. Lancet Neurol 2006;5:735-41"
_NOTE = "Ages 39-64. Inactive: less than twice a week of activity that makes one breathe and sweat."
_CHECKED = "the paper's risk per band of points; a worked example of another implementation"

EQUATIONS = (
    Equation("caide_20y", "CAIDE dementia", "dementia", 7305, _CITATION, _BASE, caide, notes=_NOTE, verified=_CHECKED),
    Equation(
        "caide_apoe_20y",
        "CAIDE dementia with APOE",
        "dementia",
        7305,
        _CITATION,
        (*_BASE, _APOE),
        caide,
        notes=_NOTE,
        verified=_CHECKED,
    ),
    Equation(
        "caide_points",
        "CAIDE points",
        "dementia",
        0,
        _CITATION,
        _BASE,
        points,
        notes=_NOTE,
        result="points",
        verified="the paper's table of points",
    ),
    Equation(
        "caide_apoe_points",
        "CAIDE points with APOE",
        "dementia",
        0,
        _CITATION,
        (*_BASE, _APOE),
        points,
        notes=_NOTE,
        result="points",
        verified="the paper's table of points",
    ),
)

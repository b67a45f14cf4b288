"""SCORE2 (40-69 years), SCORE2-OP (70 and older) and SCORE2-Diabetes: European 10-year cardiovascular risk.

Sources: SCORE2 working group, Eur Heart J 2021;42:2439-54; SCORE2-OP working group, Eur Heart J 2021;42:2455-67;
SCORE2-Diabetes working group, Eur Heart J 2023;44:2544-56; coefficients and scales from their supplements and the
authors' published Stata programs.
"""

from __future__ import annotations

import numpy as np

from ml.equations.base import Equation, Floats, Input, by_sex
from ml.equations.cardiovascular import SEX, flag

REGIONS = {"low": 1, "moderate": 2, "high": 3, "very high": 4, "very_high": 4}

_SCALES = {
    # women, men by region low to very high: intercept and slope on ln(-ln(1 - risk))
    "score2": (
        ((-0.737966, 0.701868), (-0.314269, 0.770149), (0.570963, 0.936893), (0.941177, 0.832923)),
        ((-0.569857, 0.747593), (-0.156481, 0.800869), (0.320717, 0.936004), (0.583578, 0.829368)),
    ),
    "score2_op": (
        ((-0.52, 1.01), (-0.10, 1.10), (0.38, 1.09), (0.38, 0.69)),
        ((-0.34, 1.19), (0.01, 1.25), (0.08, 1.15), (0.05, 0.70)),
    ),
}

_SCORE2 = {
    # age, smoking, SBP, diabetes, total, HDL; age x smoking, SBP, diabetes, total, HDL
    0: (0.4648, 0.7744, 0.3131, 0.8096, 0.1002, -0.2606, -0.1088, -0.0277, -0.1272, -0.0226, 0.0613),
    1: (0.3742, 0.6012, 0.2777, 0.6457, 0.1458, -0.2698, -0.0755, -0.0255, -0.0983, -0.0281, 0.0426),
}
_SCORE2_OP = {
    0: (0.0789, 0.4921, 0.0102, 0.6010, 0.0605, -0.3040, -0.0255, -0.0004, -0.0107, -0.0009, 0.0154),
    1: (0.0634, 0.3524, 0.0094, 0.4245, 0.0850, -0.3564, -0.0247, -0.0005, -0.0174, 0.0073, 0.0091),
}
_SCORE2_DIABETES = {
    # as SCORE2, then age at diagnosis, HbA1c, ln eGFR, its square, age x HbA1c, age x ln eGFR
    0: (
        0.6624,
        0.6139,
        0.1421,
        0.8096,
        0.1127,
        -0.1568,
        -0.1122,
        -0.0167,
        -0.1272,
        -0.0200,
        0.0186,
        -0.1180,
        0.1173,
        -0.0640,
        0.0062,
        -0.0196,
        0.0169,
    ),
    1: (
        0.5368,
        0.4774,
        0.1322,
        0.6457,
        0.1102,
        -0.1087,
        -0.0672,
        -0.0268,
        -0.0983,
        -0.0181,
        0.0095,
        -0.0998,
        0.0955,
        -0.0591,
        0.0058,
        -0.0134,
        0.0115,
    ),
}
_SURVIVAL = {"score2": (0.9776, 0.9605), "score2_op": (0.8082, 0.7576)}
_MEAN = (0.2290, 0.0929)
"""Of the SCORE2-OP predictor. Its numbers are those the paper prints: only with them do its examples come out."""


def score2(
    *,
    age: Floats,
    sex_male: Floats,
    region: Floats,
    systolic_bp: Floats,
    total_cholesterol: Floats,
    hdl_cholesterol: Floats,
    smoking: Floats,
    diabetes: Floats,
) -> Floats:
    """Return the SCORE2 risk below 70 years and the SCORE2-OP risk from 70 years on (n,).

    Args:
        age: years. region: 1 low, 2 moderate, 3 high, 4 very high. total_cholesterol, hdl_cholesterol: mmol/L.
        systolic_bp: mmHg. smoking, diabetes: flags; the models carry diabetes only to be recalibrated on whole
        populations, people with it belong to SCORE2-Diabetes.
    """
    younger = _terms(
        (age - 60) / 5,
        smoking,
        (systolic_bp - 120) / 20,
        diabetes,
        total_cholesterol - 6,
        (hdl_cholesterol - 1.3) / 0.5,
    )
    older = _terms(age - 73, smoking, systolic_bp - 150, diabetes, total_cholesterol - 6, hdl_cholesterol - 1.4)
    found = []
    for sex in (0, 1):
        below = _scaled("score2", sex, np.array(_SCORE2[sex]) @ younger, region)
        above = _scaled("score2_op", sex, np.array(_SCORE2_OP[sex]) @ older - _MEAN[sex], region)
        found.append(np.where(age < 70, below, above))
    return by_sex(sex_male, found[0], found[1])


def score2_diabetes(
    *,
    age: Floats,
    sex_male: Floats,
    region: Floats,
    systolic_bp: Floats,
    total_cholesterol: Floats,
    hdl_cholesterol: Floats,
    smoking: Floats,
    diabetes: Floats,
    age_at_diagnosis: Floats,
    hba1c: Floats,
    egfr: Floats,
) -> Floats:
    """Return the SCORE2-Diabetes risk (n,).

    Args:
        age_at_diagnosis: years; needed where diabetes is 1. hba1c: mmol/mol. egfr: mL/min/1.73 m2. The rest as
            ``score2``.
    """
    years = (age - 60) / 5
    base = _terms(
        years, smoking, (systolic_bp - 120) / 20, diabetes, total_cholesterol - 6, (hdl_cholesterol - 1.3) / 0.5
    )
    glycated, filtration = (hba1c - 31) / 9.34, (np.log(egfr) - 4.5) / 0.15
    since = np.where(diabetes == 1, (age_at_diagnosis - 50) / 5, 0.0)
    terms = np.vstack(
        [base, np.stack([since, glycated, filtration, filtration**2, years * glycated, years * filtration])]
    )
    found = [_scaled("score2", sex, np.array(_SCORE2_DIABETES[sex]) @ terms, region) for sex in (0, 1)]
    return by_sex(sex_male, found[0], found[1])


def _terms(age: Floats, smoking: Floats, sbp: Floats, diabetes: Floats, total: Floats, hdl: Floats) -> Floats:
    single = [age, smoking, sbp, diabetes, total, hdl]
    return np.stack([*single, *(age * one for one in single[1:])])


def _scaled(model: str, sex: int, predictor: Floats, region: Floats) -> Floats:
    """Recalibrate the risk to a region of Europe."""
    raw = 1 - _SURVIVAL[model][sex] ** np.exp(predictor)
    intercept, slope = np.array(((np.nan, np.nan), *_SCALES[model][sex]))[np.nan_to_num(region).astype(int)].T
    return np.asarray(1 - np.exp(-np.exp(intercept + slope * np.log(-np.log(1 - raw)))))


def _inputs(low: float, high: float) -> tuple[Input, ...]:
    return (
        Input("age", "a", low, high, None, clamp=False),
        SEX,
        Input("region", "1", 1, 4, None, clamp=False, codes=REGIONS),
        Input("systolic_bp", "mm[Hg]", 80, 220, None),
        Input("total_cholesterol", "mmol/L", 2.5, 12, None),
        Input("hdl_cholesterol", "mmol/L", 0.5, 3.5, None),
        flag("smoking"),
        flag("diabetes"),
    )


_NOTE = "European risk region: low, moderate, high or very high. Without cardiovascular disease."
_CHECKED = "worked examples of the papers' supplements"

EQUATIONS = (
    Equation(
        "score2_10y",
        "SCORE2, from 70 years on SCORE2-OP",
        "total_cvd",
        3652,
        "SCORE2 working group. Eur Heart J 2021;42:2439-54; SCORE2-OP working group. Eur Heart J 2021;42:2455-67",
        _inputs(40, 89.999),
        score2,
        notes=_NOTE,
        verified=_CHECKED,
    ),
    Equation(
        "score2_op_10y",
        "SCORE2-OP",
        "total_cvd",
        3652,
        "SCORE2-OP working group. Eur Heart J 2021;42:2455-67",
        _inputs(70, 89.999),
        score2,
        notes=_NOTE,
        verified=_CHECKED,
    ),
    Equation(
        "score2_diabetes_10y",
        "SCORE2-Diabetes",
        "total_cvd",
        3652,
        "SCORE2-Diabetes working group. Eur Heart J 2023;44:2544-56",
        (
            *_inputs(40, 69.999)[:-1],
            Input("diabetes", "1", 0, 1, 1),
            Input("age_at_diagnosis", "a", 0, 130, np.nan),
            Input("hba1c", "mmol/mol", 20, 150, None),
            Input("egfr", "mL/min/{1.73_m2}", 15, 150, None),
        ),
        score2_diabetes,
        notes=_NOTE + " Type 2 diabetes.",
        verified=_CHECKED + " (men; women from coefficients only)",
    ),
)

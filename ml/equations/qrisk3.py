"""QRISK3-2017: ten-year cardiovascular risk in the United Kingdom.

Source: Hippisley-Cox J, Coupland C, Brindle P. BMJ 2017;357:j2099; coefficients (c) ClinRisk Ltd. as published in
``qrisk3_coefficients.csv``, one row per term. ClinRisk asks that the notice below go with every score.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np

from ml.equations.base import Equation, Floats, Input, by_sex
from ml.equations.cardiovascular import SEX, flag

NOTICE = (
    "QRISK3-2017, (c) ClinRisk Ltd. This is not ClinRisk's own program: an implementation may by accident alter"
    " coefficients or inputs, and it is for whoever uses it to check that it gives the results of the original at"
    " qrisk.org. Inaccurate implementations of risk scores can lead to wrong patients being given the wrong treatment."
)
ETHNICITIES = {
    "white": 1,
    "not stated": 1,
    "white or not stated": 1,
    "indian": 2,
    "pakistani": 3,
    "bangladeshi": 4,
    "other asian": 5,
    "black caribbean": 6,
    "black african": 7,
    "chinese": 8,
    "other": 9,
}
SMOKING = {"non-smoker": 0, "never": 0, "ex-smoker": 1, "former": 1, "light": 2, "moderate": 3, "heavy": 4}
_FLAGS = (
    "atrial_fibrillation",
    "atypical_antipsychotic",
    "corticosteroids",
    "erectile_dysfunction",
    "migraine",
    "rheumatoid_arthritis",
    "kidney_disease",
    "severe_mental_illness",
    "lupus",
    "bp_medication",
    "diabetes_type_1",
    "diabetes_type_2",
    "family_cardiovascular",
)
_CENTRES = {
    # female, male: first and second power of age, of body mass index, ratio, SBP, its deviation, Townsend
    "age_1": (0.053274843841791, 0.234766781330109),
    "age_2": (4.332503318786621, 77.284080505371094),
    "bmi_1": (0.154946178197861, 0.149176135659218),
    "bmi_2": (0.144462317228317, 0.141913309693336),
    "cholesterol_ratio": (3.476326465606690, 4.300998687744141),
    "systolic_bp": (123.130012512207030, 128.571578979492190),
    "systolic_bp_sd": (9.002537727355957, 8.756621360778809),
    "townsend": (0.392308831214905, 0.526304900646210),
}
_SURVIVAL = (0.988876402378082, 0.977268040180206)


@lru_cache(maxsize=1)
def coefficients() -> tuple[dict[str, float], dict[str, float]]:
    """Return {term: coefficient} of women and of men; a product of terms is written ``a x b``."""
    with Path(__file__).with_name("qrisk3_coefficients.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple({row["term"]: float(row[sex]) for row in rows if row[sex]} for sex in ("female", "male"))  # type: ignore[return-value]


def qrisk3(
    *,
    age: Floats,
    sex_male: Floats,
    ethnicity: Floats,
    smoking_category: Floats,
    bmi: Floats,
    cholesterol_ratio: Floats,
    systolic_bp: Floats,
    systolic_bp_sd: Floats,
    townsend: Floats,
    **flags: Floats,
) -> Floats:
    """Return the 10-year risk (n,).

    Args:
        age: years. ethnicity: 1 white or not stated, 2 Indian, 3 Pakistani, 4 Bangladeshi, 5 other Asian, 6 Black
            Caribbean, 7 Black African, 8 Chinese, 9 other. smoking_category: 0 never, 1 former, 2 below 10 a day, 3 10
            to 19, 4 more. bmi: kg/m2. cholesterol_ratio: total over HDL. systolic_bp, systolic_bp_sd: mmHg, the latter
            the standard deviation of at least two readings. townsend: deprivation. NaN in the last five is the mean.
    """
    decades = age / 10
    tens = bmi / 10
    found = []
    for sex, weights in enumerate(coefficients()):
        powers = (decades**-2, decades) if sex == 0 else (decades**-1, decades**3)
        measured = {
            "age_1": powers[0],
            "age_2": powers[1],
            "bmi_1": tens**-2.0,
            "bmi_2": tens**-2.0 * np.log(tens),
            "cholesterol_ratio": cholesterol_ratio,
            "systolic_bp": systolic_bp,
            "systolic_bp_sd": systolic_bp_sd,
            "townsend": townsend,
        }
        terms = {name: np.nan_to_num(value - _CENTRES[name][sex]) for name, value in measured.items()}
        terms |= {f"ethnicity_{code}": (ethnicity == code).astype(float) for code in range(2, 10)}
        terms |= {f"smoking_{code}": (smoking_category == code).astype(float) for code in range(1, 5)}
        terms |= flags
        z = np.zeros_like(age)
        for name, weight in weights.items():
            z = z + weight * np.prod([terms[one] for one in name.split(" x ")], axis=0)
        found.append(1 - _SURVIVAL[sex] ** np.exp(z))
    return by_sex(sex_male, found[0], found[1])


EQUATIONS = (
    Equation(
        "qrisk3_10y",
        "QRISK3-2017",
        "total_cvd",
        3652,
        "Hippisley-Cox J et al. BMJ 2017;357:j2099",
        (
            Input("age", "a", 25, 84.999, None, clamp=False),
            SEX,
            Input("ethnicity", "1", 1, 9, 1, clamp=False, codes=ETHNICITIES),
            Input("smoking_category", "1", 0, 4, None, clamp=False, codes=SMOKING),
            Input("bmi", "kg/m2", 20, 40, np.nan),
            Input("cholesterol_ratio", "1", 1, 11, np.nan),
            Input("systolic_bp", "mm[Hg]", 70, 210, np.nan),
            Input("systolic_bp_sd", "mm[Hg]", 0, 40, np.nan),
            Input("townsend", "1", -7, 11, np.nan),
            *map(flag, _FLAGS),
        ),
        qrisk3,
        notes="Ages 25-84 without cardiovascular disease, United Kingdom.",
        verified="ClinRisk's C program on 48 persons",
        notice=NOTICE,
    ),
)

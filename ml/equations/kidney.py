"""Kidney: failure risk (KFRE), estimated filtration (CKD-EPI 2021, MDRD) and creatinine clearance."""

from __future__ import annotations

from functools import partial

import numpy as np

from ml.equations.base import Equation, Floats, Input, by_sex
from ml.equations.cardiovascular import SEX, flag
from ml.equations.ckd_epi import egfr_2021, egfr_2021_cystatin

_CENTRE = {
    "age": 7.036,
    "male": 0.5642,
    "egfr": 7.222,
    "ln_uacr": 5.137,
    "diabetes": 0.5106,
    "hypertension": 0.8501,
    "albumin": 3.997,
    "phosphate": 3.916,
    "bicarbonate": 25.57,
    "calcium": 9.355,
}
_WEIGHT = {
    4: {"age": -0.2201, "male": 0.2467, "egfr": -0.5567, "ln_uacr": 0.4510},
    6: {
        "age": -0.2218,
        "male": 0.2553,
        "egfr": -0.5541,
        "ln_uacr": 0.4562,
        "diabetes": -0.1475,
        "hypertension": 0.1426,
    },
    8: {
        "age": -0.1992,
        "male": 0.1602,
        "egfr": -0.4919,
        "ln_uacr": 0.3364,
        "albumin": -0.3441,
        "phosphate": 0.2604,
        "bicarbonate": -0.07354,
        "calcium": -0.2228,
    },
}
_SURVIVAL = {
    # (variables, years, North America)
    (4, 2, True): 0.9750,
    (4, 5, True): 0.9240,
    (4, 2, False): 0.9832,
    (4, 5, False): 0.9365,
    (6, 2, True): 0.9750,
    (6, 5, True): 0.9240,
    (6, 2, False): 0.9830,
    (6, 5, False): 0.9370,
    (8, 2, True): 0.9780,
    (8, 5, True): 0.9301,
    (8, 2, False): 0.9827,
    (8, 5, False): 0.9245,
}


def kidney_failure(
    *,
    age: Floats,
    sex_male: Floats,
    egfr: Floats,
    uacr: Floats,
    variables: int,
    years: int,
    north_america: bool,
    **others: Floats,
) -> Floats:
    """Return the risk of kidney failure needing dialysis or transplant (n,), Tangri 2011 and 2016.

    Args:
        age: years. egfr: mL/min/1.73 m2. uacr: mg/g. others: diabetes, hypertension (flags), albumin (g/dL), phosphate
            (mg/dL), bicarbonate (mmol/L), calcium (mg/dL), as the number of variables asks.
    """
    terms = {"age": age / 10, "male": sex_male, "egfr": egfr / 5, "ln_uacr": np.log(uacr), **others}
    z = np.sum([weight * (terms[name] - _CENTRE[name]) for name, weight in _WEIGHT[variables].items()], axis=0)
    return np.asarray(1 - _SURVIVAL[variables, years, north_america] ** np.exp(z))


def mdrd(*, creatinine: Floats, age: Floats, sex_male: Floats, black: Floats) -> Floats:
    """Return eGFR in mL/min/1.73 m2 (n,), four-variable MDRD for standardised creatinine in mg/dL (Levey 2006)."""
    found = 175 * creatinine**-1.154 * age**-0.203 * by_sex(sex_male, 0.742, 1.0)
    return found * np.where(black == 1, 1.212, 1.0)


def cockcroft_gault(*, creatinine: Floats, age: Floats, sex_male: Floats, body_weight: Floats) -> Floats:
    """Return creatinine clearance in mL/min (n,), Cockcroft & Gault 1976; creatinine mg/dL, weight kg."""
    return (140 - age) * body_weight / (72 * creatinine) * by_sex(sex_male, 0.85, 1.0)


_EXTRA = {
    4: (),
    6: (Input("diabetes", "1", 0, 1, None), Input("hypertension", "1", 0, 1, None)),
    8: (
        Input("albumin", "g/dL", 1, 6, None),
        Input("phosphate", "mg/dL", 1, 12, None),
        Input("bicarbonate", "mmol/L", 5, 45, None),
        Input("calcium", "mg/dL", 5, 14, None),
    ),
}


def _kfre(variables: int, years: int, north_america: bool) -> Equation:
    where, place = ("", "in") if north_america else ("_outside_north_america", "outside")
    return Equation(
        name=f"kfre{variables}_{years}y{where}",
        title=f"Kidney failure, {variables} variables, {years} years, {place} North America",
        outcome="kidney_failure",
        horizon_days=round(years * 365.25),
        citation="Tangri N et al. JAMA 2011;305:1553-9 and 2016;315:164-74, eAppendix 2",
        inputs=(
            Input("age", "a", 18, 110, None, clamp=False),
            SEX,
            Input("egfr", "mL/min/{1.73_m2}", 10, 60, None),
            Input("uacr", "mg/g", 0.1, 25_000, None),
            *_EXTRA[variables],
        ),
        function=partial(kidney_failure, variables=variables, years=years, north_america=north_america),
        notes="Chronic kidney disease stages 3-5 (eGFR below 60). Albumin/creatinine in mg/g (8.84 per mg/mmol).",
        verified="kfre 0.1.18 on 60 persons",
    )


_FILTRATION_AGE = Input("age", "a", 18, 120, None, clamp=False)
_CREATININE = Input("creatinine", "mg/dL", 0.1, 30, None)
_EGFR = "mL/min/{1.73_m2}"

EQUATIONS = (
    *(_kfre(variables, years, here) for variables in (4, 6, 8) for years in (2, 5) for here in (True, False)),
    Equation(
        "ckd_epi_2021",
        "CKD-EPI 2021 from creatinine",
        "egfr",
        0,
        "Inker LA et al. N Engl J Med 2021;385:1737-49",
        (_FILTRATION_AGE, SEX, _CREATININE),
        egfr_2021,
        notes="Race-free. Adults.",
        result=_EGFR,
        verified="kidney.epi 1.4.0 on 300 adults",
    ),
    Equation(
        "ckd_epi_2021_cystatin",
        "CKD-EPI 2021 from creatinine and cystatin C",
        "egfr",
        0,
        "Inker LA et al. N Engl J Med 2021;385:1737-49",
        (_FILTRATION_AGE, SEX, _CREATININE, Input("cystatin_c", "mg/L", 0.1, 20, None)),
        lambda *, creatinine, cystatin_c, age, sex_male: egfr_2021_cystatin(creatinine, cystatin_c, age, sex_male),
        notes="Race-free. Adults.",
        result=_EGFR,
        verified="kidney.epi 1.4.0 on 300 adults",
    ),
    Equation(
        "mdrd",
        "MDRD, four variables",
        "egfr",
        0,
        "Levey AS et al. Ann Intern Med 2006;145:247-54",
        (_FILTRATION_AGE, SEX, _CREATININE, flag("black")),
        mdrd,
        notes="Superseded by CKD-EPI 2021.",
        result=_EGFR,
        verified="the published formula only",
    ),
    Equation(
        "cockcroft_gault",
        "Creatinine clearance",
        "creatinine_clearance",
        0,
        "Cockcroft DW, Gault MH. Nephron 1976;16:31-41",
        (_FILTRATION_AGE, SEX, _CREATININE, Input("body_weight", "kg", 20, 400, None)),
        cockcroft_gault,
        notes="Not indexed to body surface; for drug doses.",
        result="mL/min",
        verified="the published formula only",
    ),
)

"""AHA PREVENT equations: total CVD, ASCVD, heart failure, CHD and stroke over 10 and 30 years.

Source: Khan SS et al., Circulation 2024;149:430-449 (doi 10.1161/CIRCULATIONAHA.123.067626, erratum Circulation
2024;149:e956), supplemental tables S12A-S12J: sex-specific logistic models. The coefficients stand in
``prevent_coefficients.csv``, one row per model, horizon and term.
"""

from __future__ import annotations

import csv
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from ml.equations.base import Equation, Floats, Input, logistic
from ml.equations.cardiovascular import SEX

CITATION = "Khan SS et al. Circulation 2024;149:430-449 (erratum 2024;149:e956), suppl. tables S12"
MMOL_PER_MG_CHOLESTEROL = 0.02586
"""mg/dL to mmol/L of cholesterol, the factor of the PREVENT supplement."""

OUTCOMES = ("total_cvd", "ascvd", "heart_failure", "chd", "stroke")
_COEFFICIENTS = Path(__file__).with_name("prevent_coefficients.csv")

_BASE = (
    Input("age", "a", 30, 79.999, None, clamp=False),  # up to the day before the 80th birthday
    SEX,
    Input(
        "total_cholesterol", "mg/dL", 130, 320, 185.6
    ),  # with HDL 50.3: non-HDL 3.5 mmol/L, where the model is centred
    Input("hdl_cholesterol", "mg/dL", 20, 100, 50.3),  # 1.3 mmol/L, where the model is centred
    Input("systolic_bp", "mm[Hg]", 90, 200, 130),
    Input("bmi", "kg/m2", 18.5, 39.9, 25),
    Input("egfr", "mL/min/{1.73_m2}", 15, 140, 90),
    Input("diabetes", "1", 0, 1, 0),
    Input("smoking", "1", 0, 1, 0),
    Input("bp_medication", "1", 0, 1, 0),
    Input("statin", "1", 0, 1, 0),
)
_HBA1C = Input("hba1c", "%", 4.5, 15, None)
_UACR = Input("uacr", "mg/g", 0.1, 25_000, None)
_SDI = Input("sdi_decile", "1", 1, 10, None)


@lru_cache(maxsize=1)
def coefficients() -> dict[tuple[str, int, str, str], dict[str, float]]:
    """Return {(model, years, sex, outcome): {term: coefficient}}."""
    found: dict[tuple[str, int, str, str], dict[str, float]] = {}
    with _COEFFICIENTS.open(newline="") as file:
        for row in csv.DictReader(file):
            for sex in ("female", "male"):
                for outcome in OUTCOMES:
                    key = (row["model"], int(row["years"]), sex, outcome)
                    found.setdefault(key, {})[row["term"]] = float(row[f"{sex}_{outcome}"])
    return found


def prevent(
    *,
    age: Floats,
    sex_male: Floats,
    total_cholesterol: Floats,
    hdl_cholesterol: Floats,
    systolic_bp: Floats,
    bmi: Floats,
    egfr: Floats,
    diabetes: Floats,
    smoking: Floats,
    bp_medication: Floats,
    statin: Floats,
    hba1c: Floats | None = None,
    uacr: Floats | None = None,
    sdi_decile: Floats | None = None,
    outcome: str,
    years: int = 10,
    model: str = "base",
) -> Floats:
    """Return the PREVENT risk (n,) as a probability.

    Args:
        age: years. sex_male: 1 male, 0 female. total_cholesterol, hdl_cholesterol: mg/dL. systolic_bp: mmHg.
        bmi: kg/m2. egfr: mL/min/1.73 m2. hba1c: %. uacr: mg/g. sdi_decile: 1 to 10. The rest are flags.
        outcome: one of ``OUTCOMES``. years: 10 or 30. model: base, hba1c, uacr, sdi or full; NaN in an optional
            predictor uses the model's own term for "missing".
    """
    terms = _terms(
        age=age,
        total=total_cholesterol,
        hdl=hdl_cholesterol,
        sbp=systolic_bp,
        bmi=bmi,
        egfr=egfr,
        diabetes=diabetes,
        smoking=smoking,
        bp_medication=bp_medication,
        statin=statin,
    )
    nothing = np.full(np.shape(age), np.nan)
    terms |= _optional_terms(
        diabetes, *(nothing if one is None else np.asarray(one, float) for one in (hba1c, uacr, sdi_decile))
    )
    by_sex = []
    for sex in ("female", "male"):
        weights = coefficients()[model, years, sex, outcome]
        z = np.sum([weight * terms[term] for term, weight in weights.items()], axis=0)
        by_sex.append(logistic(z))
    risk = np.where(sex_male == 1, by_sex[1], by_sex[0])
    return np.where(age >= 60, np.nan, risk) if years == 30 else risk


def _terms(
    *,
    age: Floats,
    total: Floats,
    hdl: Floats,
    sbp: Floats,
    bmi: Floats,
    egfr: Floats,
    diabetes: Floats,
    smoking: Floats,
    bp_medication: Floats,
    statin: Floats,
) -> dict[str, Floats]:
    decade = (age - 55) / 10
    non_hdl = (total - hdl) * MMOL_PER_MG_CHOLESTEROL - 3.5
    hdl = (hdl * MMOL_PER_MG_CHOLESTEROL - 1.3) / 0.3
    sbp_from_110 = (np.maximum(sbp, 110) - 130) / 20
    bmi_from_30 = (np.maximum(bmi, 30) - 30) / 5
    egfr_below_60 = (np.minimum(egfr, 60) - 60) / -15
    return {
        "constant": np.ones_like(decade),
        "age": decade,
        "age_squared": decade**2,
        "non_hdl": non_hdl,
        "hdl": hdl,
        "sbp_below_110": (np.minimum(sbp, 110) - 110) / 20,
        "sbp_from_110": sbp_from_110,
        "diabetes": diabetes,
        "smoking": smoking,
        "bmi_below_30": (np.minimum(bmi, 30) - 25) / 5,
        "bmi_from_30": bmi_from_30,
        "egfr_below_60": egfr_below_60,
        "egfr_from_60": (np.maximum(egfr, 60) - 90) / -15,
        "bp_medication": bp_medication,
        "statin": statin,
        "treated_sbp_from_110": sbp_from_110 * bp_medication,
        "treated_non_hdl": non_hdl * statin,
        "age_x_non_hdl": decade * non_hdl,
        "age_x_hdl": decade * hdl,
        "age_x_sbp_from_110": decade * sbp_from_110,
        "age_x_diabetes": decade * diabetes,
        "age_x_smoking": decade * smoking,
        "age_x_bmi_from_30": decade * bmi_from_30,
        "age_x_egfr_below_60": decade * egfr_below_60,
    }


def _optional_terms(diabetes: Floats, hba1c: Floats, uacr: Floats, sdi: Floats) -> dict[str, Floats]:
    above = np.nan_to_num(hba1c - 5.3)
    return {
        "hba1c_diabetes": above * diabetes,
        "hba1c_no_diabetes": above * (1 - diabetes),
        "hba1c_missing": np.isnan(hba1c).astype(float),
        "ln_uacr": np.nan_to_num(np.log(np.maximum(uacr, 0.1))),
        "uacr_missing": np.isnan(uacr).astype(float),
        "sdi_4_to_6": ((sdi >= 4) & (sdi <= 6)).astype(float),
        "sdi_7_to_10": (sdi >= 7).astype(float),
        "sdi_missing": np.isnan(sdi).astype(float),
    }


def _equation(outcome: str, years: int, model: str = "base") -> Equation:
    extra = {"base": (), "hba1c": (_HBA1C,), "uacr": (_UACR,), "sdi": (_SDI,), "full": (_HBA1C, _UACR, _SDI)}[model]
    suffix = "" if model == "base" else f"_{model}"
    return Equation(
        name=f"prevent_{outcome}_{years}y{suffix}",
        title=f"PREVENT {outcome.replace('_', ' ')}, {years} years, {model} model",
        outcome=outcome,
        horizon_days=round(years * 365.25),
        citation=CITATION,
        inputs=(*_BASE, *(Input(one.name, one.unit, one.low, one.high, np.nan) for one in extra)),
        function=partial(prevent, outcome=outcome, years=years, model=model),
        notes="Ages 30-79 (30 years: 30-59), no prior cardiovascular disease. Optional predictors may be unknown: the "
        "model has its own term for that.",
        verified="preventr 0.12.0 and pyprevent on a grid; the published example person",
    )


EQUATIONS = tuple(
    _equation(outcome, years, model)
    for model in ("base", "hba1c", "uacr", "sdi", "full")
    for years in (10, 30)
    for outcome in OUTCOMES
)

"""Cardiovascular equations of the United States: pooled cohort 2013 and 2018, Framingham 2008, MESA 2015."""

from __future__ import annotations

from functools import partial

import numpy as np

from ml.equations.base import Equation, Floats, Input, by_sex, logistic

AGE = Input("age", "a", 40, 79.999, None, clamp=False)
SEX = Input(
    "sex_male", "1", 0, 1, None, clamp=False, codes={"male": 1, "m": 1, "man": 1, "female": 0, "f": 0, "woman": 0}
)
BLACK = Input(
    "black",
    "1",
    0,
    1,
    0,
    codes={"black": 1, "aa": 1, "african american": 1, "african-american": 1, "white": 0, "other": 0},
)
TOTAL = Input("total_cholesterol", "mg/dL", 130, 320, None)
HDL = Input("hdl_cholesterol", "mg/dL", 20, 100, None)
SYSTOLIC = Input("systolic_bp", "mm[Hg]", 90, 200, None)


def flag(name: str) -> Input:
    """Return a yes-or-no input that counts as no where it is unknown."""
    return Input(name, "1", 0, 1, 0)


_PCE = {
    # ln age, its square, ln total, x ln age, ln HDL, x ln age, ln treated SBP, x ln age, ln untreated SBP, x ln age,
    # smoker, x ln age, diabetes; mean of the sum, survival at ten years
    (0, 0): (-29.799, 4.884, 13.54, -3.114, -13.578, 3.149, 2.019, 0, 1.957, 0, 7.574, -1.665, 0.661, -29.18, 0.9665),
    (1, 0): (17.114, 0, 0.94, 0, -18.92, 4.475, 29.291, -6.432, 27.82, -6.087, 0.691, 0, 0.874, 86.61, 0.9533),
    (0, 1): (12.344, 0, 11.853, -2.664, -7.99, 1.769, 1.797, 0, 1.764, 0, 7.837, -1.795, 0.658, 61.18, 0.9144),
    (1, 1): (2.469, 0, 0.302, 0, -0.307, 0, 1.916, 0, 1.809, 0, 0.549, 0, 0.645, 19.54, 0.8954),
}
"""By (black, male): Goff DC et al. 2013, appendix 7, table A."""


def pooled_cohort_2013(
    *,
    age: Floats,
    sex_male: Floats,
    black: Floats,
    total_cholesterol: Floats,
    hdl_cholesterol: Floats,
    systolic_bp: Floats,
    bp_medication: Floats,
    diabetes: Floats,
    smoking: Floats,
) -> Floats:
    """Return the 10-year risk of a first hard ASCVD event (n,).

    Args:
        age: years. total_cholesterol, hdl_cholesterol: mg/dL. systolic_bp: mmHg. The rest are flags.
    """
    ln_age, ln_total, ln_hdl, ln_sbp = map(np.log, (age, total_cholesterol, hdl_cholesterol, systolic_bp))
    treated = bp_medication == 1
    terms = np.stack(
        [
            ln_age,
            ln_age**2,
            ln_total,
            ln_age * ln_total,
            ln_hdl,
            ln_age * ln_hdl,
            ln_sbp * treated,
            ln_age * ln_sbp * treated,
            ln_sbp * ~treated,
            ln_age * ln_sbp * ~treated,
            smoking,
            ln_age * smoking,
            diabetes,
        ]
    )
    risk = np.full(len(age), np.nan)
    for (is_black, is_male), (*weights, mean, survival) in _PCE.items():
        rows = (black == is_black) & (sex_male == is_male)
        risk[rows] = 1 - survival ** np.exp(np.array(weights) @ terms[:, rows] - mean)
    return risk


_PCE_2018 = {
    # female, male: Yadlowsky S et al. Ann Intern Med 2018;169:20-29, supplement
    "constant": (-12.823110, -11.679980),
    "age": (0.106501, 0.064200),
    "black": (0.432440, 0.482835),
    "sbp2": (0.000056, -0.000061),
    "sbp": (0.017666, 0.038950),
    "treated": (0.731678, 2.055533),
    "diabetes": (0.943970, 0.842209),
    "smoking": (1.009790, 0.895589),
    "ratio": (0.151318, 0.193307),
    "age_black": (-0.008580, 0.0),
    "sbp_treated": (-0.003647, -0.014207),
    "sbp_black": (0.006208, 0.011609),
    "black_treated": (0.152968, -0.119460),
    "age_sbp": (-0.000153, 0.000025),
    "black_diabetes": (0.115232, -0.077214),
    "black_smoking": (-0.092231, -0.226771),
    "black_ratio": (0.070498, -0.117749),
    "sbp_black_treated": (-0.000173, 0.004190),
    "age_sbp_black": (-0.000094, -0.000199),
}


def pooled_cohort_2018(
    *,
    age: Floats,
    sex_male: Floats,
    black: Floats,
    total_cholesterol: Floats,
    hdl_cholesterol: Floats,
    systolic_bp: Floats,
    bp_medication: Floats,
    diabetes: Floats,
    smoking: Floats,
) -> Floats:
    """Return the 10-year ASCVD risk of the revised pooled cohort equations (n,); inputs as ``pooled_cohort_2013``."""
    sbp, ratio = systolic_bp, total_cholesterol / hdl_cholesterol
    terms = {
        "constant": np.ones_like(age),
        "age": age,
        "black": black,
        "sbp2": sbp**2,
        "sbp": sbp,
        "treated": bp_medication,
        "diabetes": diabetes,
        "smoking": smoking,
        "ratio": ratio,
        "age_black": age * black,
        "sbp_treated": sbp * bp_medication,
        "sbp_black": sbp * black,
        "black_treated": black * bp_medication,
        "age_sbp": age * sbp,
        "black_diabetes": black * diabetes,
        "black_smoking": black * smoking,
        "black_ratio": black * ratio,
        "sbp_black_treated": sbp * black * bp_medication,
        "age_sbp_black": age * sbp * black,
    }
    z = [np.sum([_PCE_2018[name][sex] * term for name, term in terms.items()], axis=0) for sex in (0, 1)]
    return logistic(by_sex(sex_male, z[0], z[1]))


def framingham_2008(
    *,
    age: Floats,
    sex_male: Floats,
    total_cholesterol: Floats,
    hdl_cholesterol: Floats,
    systolic_bp: Floats,
    bp_medication: Floats,
    diabetes: Floats,
    smoking: Floats,
) -> Floats:
    """Return the 10-year risk of general cardiovascular disease (n,), D'Agostino 2008, table 2.

    Args:
        age: years. total_cholesterol, hdl_cholesterol: mg/dL. systolic_bp: mmHg. The rest are flags.
    """
    sbp = np.log(systolic_bp)
    shared = np.log(age), np.log(total_cholesterol), np.log(hdl_cholesterol), smoking, diabetes
    female = np.array([2.32888, 1.20904, -0.70833, 0.52873, 0.69154]) @ np.stack(shared)
    female = female + sbp * np.where(bp_medication == 1, 2.82263, 2.76157)
    male = np.array([3.06117, 1.12370, -0.93263, 0.65451, 0.57367]) @ np.stack(shared)
    male = male + sbp * np.where(bp_medication == 1, 1.99881, 1.93303)
    return by_sex(sex_male, 1 - 0.95012 ** np.exp(female - 26.1931), 1 - 0.88936 ** np.exp(male - 23.9802))


def framingham_2008_bmi(
    *,
    age: Floats,
    sex_male: Floats,
    bmi: Floats,
    systolic_bp: Floats,
    bp_medication: Floats,
    diabetes: Floats,
    smoking: Floats,
) -> Floats:
    """Return the same risk without laboratory values (n,). Args: as ``framingham_2008``; bmi: kg/m2."""
    sbp = np.log(systolic_bp)
    shared = np.stack([np.log(age), np.log(bmi), smoking, diabetes])
    female = np.array([2.72107, 0.51125, 0.61868, 0.77763]) @ shared
    female = female + sbp * np.where(bp_medication == 1, 2.88267, 2.81291)
    male = np.array([3.11296, 0.79277, 0.70953, 0.53160]) @ shared
    male = male + sbp * np.where(bp_medication == 1, 1.92672, 1.85508)
    return by_sex(sex_male, 1 - 0.94833 ** np.exp(female - 26.0145), 1 - 0.88431 ** np.exp(male - 23.9388))


_MESA = {
    # age, male, Chinese, Black, Hispanic, diabetes, smoker, total, HDL, lipid drug, SBP, BP drug, family history
    False: (
        (0.0455, 0.7496, -0.5055, -0.2111, -0.19, 0.5168, 0.4732, 0.0053, -0.014, 0.2473, 0.0085, 0.3381, 0.4522),
        0.99963,
    ),
    True: (
        (0.0172, 0.4079, -0.3475, 0.0353, -0.0222, 0.3892, 0.3717, 0.0043, -0.0114, 0.1206, 0.0066, 0.2278, 0.3239),
        0.99833,
    ),
}


def mesa(
    *,
    age: Floats,
    sex_male: Floats,
    race: Floats,
    diabetes: Floats,
    smoking: Floats,
    total_cholesterol: Floats,
    hdl_cholesterol: Floats,
    lipid_medication: Floats,
    systolic_bp: Floats,
    bp_medication: Floats,
    family_history: Floats,
    calcium_score: Floats | None = None,
    with_calcium: bool = False,
) -> Floats:
    """Return the MESA 10-year risk of coronary heart disease (n,), McClelland 2015, with or without coronary calcium.

    Args:
        race: 0 white, 1 Chinese, 2 Black, 3 Hispanic. calcium_score: Agatston units. Lipids in mg/dL. The rest: flags.
    """
    weights, survival = _MESA[with_calcium]
    terms = [age, sex_male, race == 1, race == 2, race == 3, diabetes, smoking, total_cholesterol, hdl_cholesterol]
    terms += [lipid_medication, systolic_bp, bp_medication, family_history]
    z = np.array(weights) @ np.stack([np.asarray(one, float) for one in terms])
    if with_calcium and calcium_score is not None:
        z = z + 0.2743 * np.log1p(calcium_score)
    return np.asarray(1 - survival ** np.exp(z))


_COMMON = (TOTAL, HDL, SYSTOLIC, flag("bp_medication"), flag("diabetes"), flag("smoking"))
_FRAMINGHAM_AGE = Input("age", "a", 30, 74.999, None, clamp=False)
_FRAMINGHAM = "D'Agostino RB et al. Circulation 2008;117:743-753, table 2"
_MESA_INPUTS = (
    Input("age", "a", 45, 85.999, None, clamp=False),
    SEX,
    Input("race", "1", 0, 3, None, clamp=False, codes={"white": 0, "chinese": 1, "black": 2, "aa": 2, "hispanic": 3}),
    flag("diabetes"),
    flag("smoking"),
    TOTAL,
    HDL,
    flag("lipid_medication"),
    SYSTOLIC,
    flag("bp_medication"),
    flag("family_history"),
)

EQUATIONS = (
    Equation(
        "pce_2013_10y",
        "Pooled cohort equations 2013 (ASCVD)",
        "ascvd",
        3652,
        "Goff DC et al. Circulation 2014;129(25 suppl 2):S49-73, appendix 7",
        (AGE, SEX, BLACK, *_COMMON),
        pooled_cohort_2013,
        notes="Ages 40-79 without cardiovascular disease. Everyone who is not Black gets the equation of white people.",
        verified="published examples of Goff 2013; CVrisk and preventr on a grid",
    ),
    Equation(
        "pce_2018_10y",
        "Revised pooled cohort equations 2018 (ASCVD)",
        "ascvd",
        3652,
        "Yadlowsky S et al. Ann Intern Med 2018;169:20-29",
        (AGE, SEX, BLACK, *_COMMON),
        pooled_cohort_2018,
        notes="Ages 40-79 without cardiovascular disease.",
        verified="preventr on a grid",
    ),
    Equation(
        "framingham_2008_10y",
        "Framingham general cardiovascular risk 2008",
        "total_cvd",
        3652,
        _FRAMINGHAM,
        (
            _FRAMINGHAM_AGE,
            SEX,
            *(Input(o.name, o.unit, lo, hi, None) for o, lo, hi in ((TOTAL, 100, 405), (HDL, 10, 100))),
            Input("systolic_bp", "mm[Hg]", 90, 200, None),
            flag("bp_medication"),
            flag("diabetes"),
            flag("smoking"),
        ),
        framingham_2008,
        notes="Ages 30-74 without cardiovascular disease; includes heart failure, angina and claudication.",
        verified="published examples of D'Agostino 2008; CVrisk on a grid",
    ),
    Equation(
        "framingham_2008_bmi_10y",
        "Framingham general cardiovascular risk 2008 without laboratory",
        "total_cvd",
        3652,
        _FRAMINGHAM,
        (
            _FRAMINGHAM_AGE,
            SEX,
            Input("bmi", "kg/m2", 15, 50, None),
            Input("systolic_bp", "mm[Hg]", 90, 200, None),
            flag("bp_medication"),
            flag("diabetes"),
            flag("smoking"),
        ),
        framingham_2008_bmi,
        notes="Ages 30-74 without cardiovascular disease.",
        verified="CVrisk on a grid",
    ),
    Equation(
        "mesa_chd_10y",
        "MESA coronary heart disease without coronary calcium",
        "chd",
        3652,
        "McClelland RL et al. J Am Coll Cardiol 2015;66:1643-53",
        _MESA_INPUTS,
        partial(mesa, with_calcium=False),
        notes="Ages 45-85 without cardiovascular disease.",
        verified="coefficients against CVrisk's table; no worked example at hand",
    ),
    Equation(
        "mesa_chd_calcium_10y",
        "MESA coronary heart disease with coronary calcium",
        "chd",
        3652,
        "McClelland RL et al. J Am Coll Cardiol 2015;66:1643-53",
        (*_MESA_INPUTS, Input("calcium_score", "1", 0, 10_000, None)),
        partial(mesa, with_calcium=True),
        notes="Ages 45-85 without cardiovascular disease.",
        verified="coefficients against CVrisk's table; no worked example at hand",
    ),
)

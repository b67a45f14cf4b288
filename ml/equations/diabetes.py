"""Published equations for incident type 2 diabetes: FINDRISC (10 years) and Framingham Offspring (8 years)."""

from __future__ import annotations

import numpy as np

from ml.equations.base import Equation, Floats, Input, logistic
from ml.equations.cardiovascular import SEX

FINDRISC_BANDS = ((3.0, 0.01), (9.0, 0.04), (13.0, 0.17), (17.5, 0.33), (23.5, 0.50))
"""(middle of the score band, published 10-year risk): below 7 1 %, 7-11 4 %, 12-14 17 %, 15-20 33 %, above 20 50 %."""


def findrisc_score(
    *,
    age: Floats,
    sex_male: Floats,
    bmi: Floats,
    waist: Floats,
    inactive: Floats,
    no_daily_vegetables: Floats,
    bp_medication: Floats,
    high_glucose: Floats,
    family_close: Floats,
    family_distant: Floats,
) -> Floats:
    """Return FINDRISC points, 0 to 26 (Lindström & Tuomilehto, Diabetes Care 2003;26:725-731, questionnaire form).

    Args:
        age: years. bmi: kg/m2. waist: cm. The rest are flags; ``family_close``: parent, sibling or child with diabetes;
        ``family_distant``: grandparent, aunt, uncle or cousin.
    """
    age_points = np.select([age < 45, age < 55, age < 65], [0, 2, 3], 4)
    bmi_points = np.select([bmi < 25, bmi <= 30], [0, 1], 3)
    low, high = np.where(sex_male == 1, 94, 80), np.where(sex_male == 1, 102, 88)
    waist_points = np.select([waist < low, waist <= high], [0, 3], 4)
    family_points = np.select([family_close == 1, family_distant == 1], [5, 3], 0)
    points = age_points + bmi_points + waist_points + family_points
    return points + 2 * inactive + no_daily_vegetables + 2 * bp_medication + 5 * high_glucose


def findrisc(**inputs: Floats) -> Floats:
    """Return the 10-year risk: the published risks of the five bands, joined linearly on the logit scale.

    The paper gives risks per band only; joining them keeps the order of the points. Recalibrate before use.
    """
    score = findrisc_score(**inputs)
    middle, risk = np.array(FINDRISC_BANDS).T
    return logistic(np.interp(score, middle, np.log(risk / (1 - risk))))


def framingham_offspring(
    *,
    age: Floats,
    sex_male: Floats,
    bmi: Floats,
    systolic_bp: Floats,
    diastolic_bp: Floats,
    bp_medication: Floats,
    hdl_cholesterol: Floats,
    triglycerides: Floats,
    fasting_glucose: Floats,
    family_history: Floats,
) -> Floats:
    """Return the 8-year risk of type 2 diabetes, simple clinical model.

    Source: Wilson PWF et al., Arch Intern Med 2007;167:1068-74; coefficients as the Framingham Heart Study lists them.

    Args:
        age: years. bmi: kg/m2. systolic_bp, diastolic_bp: mmHg. hdl_cholesterol, triglycerides, fasting_glucose: mg/dL.
        family_history: parental history of diabetes (flag). bp_medication: flag.
    """
    z = -5.517 + np.select([age < 50, age < 65], [0.0, -0.018], -0.081) - 0.010 * sex_male
    z = z + 0.565 * family_history + np.select([bmi < 25, bmi < 30], [0.0, 0.301], 0.920)
    z = z + 0.498 * ((systolic_bp > 130) | (diastolic_bp > 85) | (bp_medication == 1))
    z = z + 0.944 * (hdl_cholesterol < np.where(sex_male == 1, 40, 50)) + 0.575 * (triglycerides >= 150)
    return logistic(z + 1.980 * (fasting_glucose >= 100))


_AGE = Input("age", "a", 18, 100, None, clamp=False)


def _flag(name: str) -> Input:
    return Input(name, "1", 0, 1, 0)


_FINDRISC = (
    _AGE,
    SEX,
    Input("bmi", "kg/m2", 12, 70, 24.9),
    Input("waist", "cm", 40, 200, 70),
    _flag("inactive"),
    _flag("no_daily_vegetables"),
    _flag("bp_medication"),
    _flag("high_glucose"),
    _flag("family_close"),
    _flag("family_distant"),
)

EQUATIONS = (
    Equation(
        name="findrisc_10y",
        title="FINDRISC",
        outcome="type_2_diabetes",
        horizon_days=3652,
        citation="Lindström J, Tuomilehto J. Diabetes Care 2003;26:725-731",
        inputs=_FINDRISC,
        function=findrisc,
        notes="Drug-treated diabetes over 10 years, Finland, ages 35-64. Unknown answers count no points.",
        verified="the published questionnaire; the risk between the middles of the bands is ours",
    ),
    Equation(
        name="findrisc_points",
        title="FINDRISC points",
        outcome="type_2_diabetes",
        horizon_days=0,
        citation="Lindström J, Tuomilehto J. Diabetes Care 2003;26:725-731",
        inputs=_FINDRISC,
        function=findrisc_score,
        notes="0 to 26 points. Unknown answers count no points.",
        result="points",
        verified="the published questionnaire",
    ),
    Equation(
        name="framingham_offspring_t2d_8y",
        title="Framingham Offspring diabetes risk",
        outcome="type_2_diabetes",
        horizon_days=2922,
        citation="Wilson PWF et al. Arch Intern Med 2007;167:1068-74",
        inputs=(
            _AGE,
            SEX,
            Input("bmi", "kg/m2", 12, 70, 24.9),
            Input("systolic_bp", "mm[Hg]", 60, 260, 120),
            Input("diastolic_bp", "mm[Hg]", 30, 160, 80),
            _flag("bp_medication"),
            Input("hdl_cholesterol", "mg/dL", 10, 150, 55),
            Input("triglycerides", "mg/dL", 20, 2000, 100),
            Input("fasting_glucose", "mg/dL", 40, 126, 90),
            _flag("family_history"),
        ),
        function=framingham_offspring,
        notes="Ages 45-64 without diabetes, United States. Unknown measurements count as the referent category.",
        verified="the published odds ratios",
    ),
)

"""PLCOm2012: six-year risk of lung cancer in people who have ever smoked."""

from __future__ import annotations

import numpy as np

from ml.equations.base import Equation, Floats, Input, logistic
from ml.equations.cardiovascular import flag

RACES = {
    "white": 0,
    "american indian": 0,
    "alaskan native": 0,
    "black": 1,
    "hispanic": 2,
    "asian": 3,
    "native hawaiian": 4,
    "pacific islander": 4,
}
_RACE = np.array([0.0, 0.3944778, -0.7434744, -0.466585, 1.027152])


def plcom2012(
    *,
    age: Floats,
    race: Floats,
    education: Floats,
    bmi: Floats,
    copd: Floats,
    personal_cancer: Floats,
    family_lung_cancer: Floats,
    current_smoker: Floats,
    cigarettes_per_day: Floats,
    smoking_years: Floats,
    quit_years: Floats,
) -> Floats:
    """Return the 6-year risk (n,), Tammemägi 2013, table 2.

    Args:
        age: years. race: 0 white or American Indian or Alaskan Native, 1 Black, 2 Hispanic, 3 Asian, 4 Native Hawaiian
            or Pacific Islander. education: 1 below high school, 2 high school, 3 some training after, 4 some college,
            5 college, 6 postgraduate. bmi: kg/m2. quit_years: years since quitting, 0 for smokers. The rest are
            flags or counts.
    """
    z = -4.532506 + 0.0778868 * (age - 62) + _RACE[np.nan_to_num(race).astype(int)]
    z = z - 0.0812744 * (education - 4) - 0.0274194 * (bmi - 27)
    z = z + 0.3553063 * copd + 0.4589971 * personal_cancer + 0.587185 * family_lung_cancer + 0.2597431 * current_smoker
    z = z - 1.822606 * (10 / cigarettes_per_day - 0.4021541613)
    return logistic(z + 0.0317321 * (smoking_years - 27) - 0.0308572 * (quit_years - 10))


EQUATIONS = (
    Equation(
        "plcom2012_6y",
        "PLCOm2012 lung cancer",
        "lung_cancer",
        2192,
        "Tammemägi MC et al. N Engl J Med 2013;368:728-36, table 2",
        (
            Input("age", "a", 45, 85, None, clamp=False),
            Input("race", "1", 0, 4, 0, clamp=False, codes=RACES),
            Input("education", "1", 1, 6, 4),
            Input("bmi", "kg/m2", 14, 60, 27),
            flag("copd"),
            flag("personal_cancer"),
            flag("family_lung_cancer"),
            Input("current_smoker", "1", 0, 1, None),
            Input("cigarettes_per_day", "1", 0.5, 100, None),
            Input("smoking_years", "1", 1, 70, None),
            Input("quit_years", "1", 0, 60, 0),
        ),
        plcom2012,
        notes="People who have ever smoked, 55-74 in the trial. Unknown education and body mass index count as the"
        " values the model is centred at.",
        verified="published constants at the centring values; independent implementations",
    ),
)

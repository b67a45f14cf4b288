"""BCRAT: absolute risk of invasive breast cancer (Gail model with its extensions by race and ethnicity).

Sources: Gail MH et al. 1989 and Costantino JP et al. 1999 (white), Gail 2007 (CARE, Black), Banegas 2017 (Hispanic),
Matsuno 2011 (Asian and Pacific islander); rates of incidence and competing mortality of the United States in
``breast_rates.csv``, per year, by five-year age band from 20.
"""

from __future__ import annotations

import csv
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from ml.equations.base import Equation, Floats, Input

RACES = {
    "white": 1,
    "black": 2,
    "hispanic_us_born": 3,
    "native_american": 4,
    "other": 4,
    "hispanic_foreign_born": 5,
    "chinese": 6,
    "japanese": 7,
    "filipino": 8,
    "hawaiian": 9,
    "other_pacific_islander": 10,
    "other_asian": 11,
}
NULLIPAROUS = 98
"""Code of ``age_first_birth`` for a woman without a live birth."""

_WEIGHTS = {
    # biopsies, age at menarche, age at first birth, relatives, biopsies from 50 years on, first birth x relatives
    "white": (0.5292641686, 0.0940103059, 0.2186262218, 0.9583027845, -0.2880424830, -0.1908113865),
    "black": (0.1822121131, 0.2672530336, 0.0, 0.4757242578, -0.1119411682, 0.0),
    "hispanic_us_born": (0.0970783641, 0.0, 0.2318368334, 0.166685441, 0.0, 0.0),
    "hispanic_foreign_born": (0.4798624017, 0.2593922322, 0.4669246218, 0.9076679727, 0.0, 0.0),
    "asian": (0.55263612260619, 0.07499257592975, 0.27638268294593, 0.79185633720481, 0.0, 0.0),
}
_SHARE_AT_BASE = {
    # 1 - attributable risk, below 50 and from 50 years on
    "white": (0.5788413, 0.5788413),
    "black": (0.72949880, 0.74397137),
    "hispanic_us_born": (0.749294788397, 0.778215491668),
    "hispanic_foreign_born": (0.428864989813, 0.450352338746),
    "asian": (0.47519806426735, 0.50316401683903),
}
_MODEL = ("white", "black", "hispanic_us_born", "white", "hispanic_foreign_born", *["asian"] * 6)
"""The model of each race code from 1; women of the first nations of America get the white one."""


@lru_cache(maxsize=1)
def rates() -> Floats:
    """Return (11 races, 70 years of age from 20, 2): incidence and competing mortality per year."""
    found = np.zeros((11, 70, 2))
    with Path(__file__).with_name("breast_rates.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            start = int(row["age_from"]) - 20
            found[int(row["race"]) - 1, start : start + 5] = float(row["incidence"]), float(row["mortality"])
    return found


def relative_risks(
    *,
    age: Floats,
    race: Floats,
    biopsies: Floats,
    atypical_hyperplasia: Floats,
    age_menarche: Floats,
    age_first_birth: Floats,
    relatives: Floats,
) -> tuple[Floats, Floats]:
    """Return the relative risks below 50 and from 50 years on (n,), NaN where the answers contradict each other.

    Args:
        race: 1 to 11, see ``RACES``. biopsies: number, NaN unknown. atypical_hyperplasia: 1 yes, 0 no, NaN unknown or
            never biopsied. age_menarche: years, NaN unknown. age_first_birth: years, 98 without a birth, NaN unknown.
            relatives: mother, sisters and daughters with breast cancer, NaN unknown.
    """
    code = np.nan_to_num(race).astype(int)
    model = np.array(["", *_MODEL])[np.clip(code, 0, 11)]
    hispanic, asian, black = np.char.startswith(model, "hispanic"), model == "asian", model == "black"
    never = np.isnan(biopsies) | (biopsies == 0)
    biopsy = np.where(never, 0, np.where(biopsies == 1, 1, 2))
    biopsy = np.where(hispanic, np.minimum(biopsy, 1), biopsy)
    menarche = np.select([np.isnan(age_menarche) | (age_menarche >= 14), age_menarche >= 12], [0, 1], 2)
    menarche = np.where(black, np.minimum(menarche, 1), np.where(model == "hispanic_us_born", 0, menarche))
    nulliparous = age_first_birth == NULLIPAROUS
    birth = np.select(
        [
            np.isnan(age_first_birth) | (age_first_birth < 20),
            age_first_birth < 25,
            (age_first_birth < 30) | nulliparous,
        ],
        [0, 1, 2],
        3,
    )
    in_two = np.select([birth == 0, (birth == 1) | ((birth == 2) & ~nulliparous)], [0, 1], 2)
    birth = np.where(black, 0, np.where(hispanic, in_two, birth))
    kin = np.where(np.isnan(relatives), 0, np.minimum(relatives, 2))
    kin = np.where(hispanic | asian, np.minimum(kin, 1), kin)
    unknown = np.isnan(atypical_hyperplasia)
    factor = np.where(never | unknown, 1.0, np.where(atypical_hyperplasia == 1, 1.82, 0.93))
    weights = np.array([_WEIGHTS.get(one, (np.nan,) * 6) for one in model]).T
    below = weights[0] * biopsy + weights[1] * menarche + weights[2] * birth + weights[3] * kin
    below = below + weights[5] * birth * kin + np.log(factor)
    contradictory = (never & ~unknown) | (age_menarche > age)
    contradictory |= ~nulliparous & ((age_first_birth < age_menarche) | (age_first_birth > age))
    below = np.where(contradictory, np.nan, below)
    return np.exp(below), np.exp(below + weights[4] * biopsy)


def bcrat(
    *,
    age: Floats,
    race: Floats,
    biopsies: Floats,
    atypical_hyperplasia: Floats,
    age_menarche: Floats,
    age_first_birth: Floats,
    relatives: Floats,
    projection_age: Floats | None = None,
    years: float | None = None,
) -> Floats:
    """Return the risk of invasive breast cancer from ``age`` to ``projection_age``, or over ``years`` (n,).

    Other deaths compete. Ages from 20 to 90; inputs as ``relative_risks``.
    """
    end = np.minimum(age + (years or 0), 90) if projection_age is None else projection_age
    young, old = relative_risks(
        age=age,
        race=race,
        biopsies=biopsies,
        atypical_hyperplasia=atypical_hyperplasia,
        age_menarche=age_menarche,
        age_first_birth=age_first_birth,
        relatives=relatives,
    )
    code = np.clip(np.nan_to_num(race).astype(int), 1, 11) - 1
    share = np.array([_SHARE_AT_BASE[_MODEL[one]] for one in range(11)])[code]
    years_of_age = np.arange(20, 90)
    excess = np.where(years_of_age < 50, (share[:, 0] * young)[:, None], (share[:, 1] * old)[:, None])
    incidence, mortality = np.moveaxis(rates()[code], 2, 0)
    hazard = incidence * excess
    total = hazard + mortality
    lived = np.clip(np.minimum(end[:, None], years_of_age + 1) - np.maximum(age[:, None], years_of_age), 0, 1)
    spent = np.cumsum(total * lived, axis=1)
    before = spent - total * lived
    risk = (hazard / total * np.exp(-before) * -np.expm1(-total * lived)).sum(axis=1)
    usable = (age >= 20) & (age < 90) & (end > age) & (end <= 90)
    return np.where(usable, risk, np.nan)


def _inputs(projected: bool) -> tuple[Input, ...]:
    end = (Input("projection_age", "a", 20, 90, None, clamp=False),) if projected else ()
    return (
        Input("age", "a", 20, 89.999, None, clamp=False),
        *end,
        Input("race", "1", 1, 11, 4, clamp=False, codes=RACES),
        Input("biopsies", "1", 0, 30, np.nan, unknown=(99,)),
        Input("atypical_hyperplasia", "1", 0, 1, np.nan, unknown=(99,)),
        Input("age_menarche", "a", 7, 39, np.nan, unknown=(99,)),
        Input("age_first_birth", "a", 9, NULLIPAROUS, np.nan, unknown=(99,)),
        Input("relatives", "1", 0, 30, np.nan, unknown=(99,)),
    )


_CITATION = (
    "Gail MH et al. J Natl Cancer Inst 1989;81:1879-86; Costantino JP 1999;91:1541-8; Gail 2007;99:1782-92;"
    " Matsuno RK 2011;103:951-61; Banegas MP 2017;109:djw215"
)
_NOTE = (
    "Women of 35 and older without breast cancer or a known BRCA variant (rates from 20 years). age_first_birth is 98"
    " without a birth. Unknown answers count as the lowest category, as in the tool; unknown race as other."
)
_CHECKED = "BCRA 2.1 on the example women of the National Cancer Institute"

EQUATIONS = (
    Equation(
        "bcrat_5y",
        "BCRAT breast cancer, 5 years",
        "breast_cancer",
        1826,
        _CITATION,
        _inputs(False),
        partial(bcrat, years=5),
        notes=_NOTE,
        verified=_CHECKED,
    ),
    Equation(
        "bcrat",
        "BCRAT breast cancer until a given age",
        "breast_cancer",
        0,
        _CITATION,
        _inputs(True),
        bcrat,
        notes=_NOTE,
        verified=_CHECKED,
    ),
)

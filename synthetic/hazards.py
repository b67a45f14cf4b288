"""Yearly hazards of onset and death, with every coefficient written down.

``P(onset in a year) = 1 - exp(-exp(intercept + sum(coefficient * covariate)))``: the discrete-time proportional hazards
model, so a coefficient is a log hazard ratio per unit of the covariate. The intercept is the log yearly hazard of the
reference person: a woman of 55 who never smoked, with every other covariate at its zero.

Magnitudes are rounded from the literature and then scaled so that an enriched cohort of 40-75-year-olds has enough
events to learn from: HbA1c and diabetes (Zhang 2010, Diabetes Care 33:1665: hazard about tenfold per 1 %); BMI
(Prospective Studies Collaboration 2009); blood pressure (Lewington 2002: doubling per 20 mmHg in vascular death, less
here); LDL (CTT 2010: 22 % per mmol/L by treatment, more over a life); smoking, diabetes, HDL (PREVENT, Khan 2024);
resting heart rate (Aune 2015, 2017: 1.07-1.2 per 10/min); steps (Master 2022; Paluch 2022); PM2.5 (Alexeeff 2021);
family history (Scott 2013 InterAct; Lloyd-Jones 2004); polygenic scores (Khera 2018, Inouye 2018, Mahajan 2018:
1.6-1.8 per SD); APOE e4 (Farrer 1997); BRCA (Kuchenbaecker 2017); Lynch (Dominguez-Valentin 2020). HbA1c, activity,
heart rate and PM2.5 act more strongly here than in life: models must be learnable from 5,000 people, and losing a
source must show.
"""

from __future__ import annotations

import numpy as np

from synthetic.clock import Array
from synthetic.states import State, treated_a1c, treated_ldl, treated_sbp

ASCVD = ("mi", "chd", "stroke")
CONDITIONS = ("t2d", *ASCVD, "heart_failure", "af", "ckd", "copd", "dementia", "breast_cancer", "colorectal_cancer")

COEFFICIENTS: dict[str, dict[str, float]] = {
    "t2d": {
        "intercept": -5.10, "age10": 0.30, "male": 0.10, "bmi5": 0.62, "a1c": 1.90, "ltg": 0.30, "hdl15": -0.28,
        "sbp20": 0.10, "current": 0.35, "inactivity": 0.52, "rhr10": 0.30, "pm5": 0.20, "fh_t2d": 0.60, "pgs_t2d": 0.46,
    },
    "mi": {
        "intercept": -6.75, "age10": 0.85, "male": 0.60, "sbp20": 0.58, "ldl40": 0.66, "hdl15": -0.38, "current": 1.05,
        "former": 0.25, "t2d": 0.75, "lcrp": 0.12, "uremia": 0.12, "inactivity": 0.52, "rhr10": 0.32, "pm5": 0.20,
        "fh_cvd": 0.50, "pgs_cad": 0.50, "chd": 0.60,
    },
    "chd": {
        "intercept": -6.45, "age10": 0.82, "male": 0.60, "sbp20": 0.52, "ldl40": 0.68, "hdl15": -0.40, "current": 0.95,
        "former": 0.22, "t2d": 0.70, "lcrp": 0.12, "uremia": 0.10, "inactivity": 0.52, "rhr10": 0.32, "pm5": 0.18,
        "fh_cvd": 0.50, "pgs_cad": 0.55,
    },
    "stroke": {
        "intercept": -6.95, "age10": 0.88, "male": 0.25, "sbp20": 0.66, "ldl40": 0.25, "hdl15": -0.18, "current": 0.80,
        "former": 0.15, "t2d": 0.60, "lcrp": 0.10, "uremia": 0.14, "inactivity": 0.50, "rhr10": 0.30, "pm5": 0.20,
        "af": 1.20, "pgs_cad": 0.30, "fh_cvd": 0.25,
    },
    "heart_failure": {
        "intercept": -7.40, "age10": 0.75, "male": 0.25, "sbp20": 0.30, "bmi5": 0.20, "t2d": 0.50, "chd": 1.10,
        "af": 0.80, "uremia": 0.25, "inactivity": 0.30, "rhr10": 0.20,
    },
    "af": {
        "intercept": -6.55, "age10": 0.85, "male": 0.40, "bmi5": 0.22, "sbp20": 0.20, "heart_failure": 1.00,
        "chd": 0.35, "rhr10": -0.05, "pgs_af": 0.55,
    },
    "ckd": {
        "intercept": -6.30, "age10": 0.30, "uremia": 0.95, "luacr": 0.45, "t2d": 0.70, "sbp20": 0.25, "pgs_ckd": 0.30,
    },
    "copd": {"intercept": -7.20, "age10": 0.45, "current": 1.90, "former": 0.90, "pm5": 0.15, "inactivity": 0.10},
    "dementia": {
        "intercept": -8.60, "age10": 1.30, "e4": 0.95, "e2": -0.35, "t2d": 0.30, "stroke": 0.60,
        "inactivity": 0.15,
    },
    "breast_cancer": {
        "intercept": -5.85, "age10": 0.25, "bmi5": 0.08, "pgs_breast_cancer": 0.48, "fh_breast_cancer": 0.50,
        "brca": 1.90,
    },
    "colorectal_cancer": {
        "intercept": -7.25, "age10": 0.55, "male": 0.30, "bmi5": 0.10, "current": 0.20, "inactivity": 0.10,
        "pgs_colorectal_cancer": 0.42, "fh_colorectal_cancer": 0.50, "lynch": 2.20,
    },
    "death": {
        "intercept": -6.40, "age10": 0.88, "male": 0.38, "current": 0.80, "former": 0.20, "t2d": 0.40, "chd": 0.30,
        "mi": 0.40, "stroke": 0.60, "heart_failure": 0.90, "ckd": 0.40, "copd": 0.70, "dementia": 1.10,
        "breast_cancer": 0.60, "colorectal_cancer": 1.20, "inactivity": 0.35, "rhr10": 0.15, "pm5": 0.08,
    },
}  # fmt: skip


def covariates(state: State) -> dict[str, Array]:
    """Covariates of the hazards from a latent state: centred and scaled as the names say."""
    activity = np.clip(state["activity"], -3, 3)
    found = {
        "age10": (state["age"] - 55) / 10,
        "male": state["male"],
        "former": (state["smoking"] == 1).astype(float),
        "current": (state["smoking"] == 2).astype(float),
        "bmi5": np.clip((state["bmi"] - 27) / 5, -2, 4),
        "a1c": np.clip((state["a1c"] - 5.5) / 0.4, -2, 2.3),
        "ltg": np.log(state["tg"] / 130) / 0.5,
        "sbp20": (treated_sbp(state) - 130) / 20,
        "ldl40": (treated_ldl(state) - 125) / 40,
        "hdl15": (state["hdl"] - 50) / 15,
        "uremia": np.clip((90 - state["egfr"]) / 15, -2, 4),
        "luacr": np.log(state["uacr"] / 10),
        "lcrp": np.log(state["crp"] / 1.5),
        "inactivity": -activity,
        "rhr10": (state["rhr"] - 67) / 10,
        "pm5": (state["pm2_5"] - 10) / 5,
        "poor_control": np.clip(treated_a1c(state) - 7, 0, 4),
    }
    return found | {name: state[name] for name in state if name not in found}


def yearly(state: State) -> dict[str, Array]:
    """Probability of onset in the next year by condition (0 where it already is), and of death."""
    values = covariates(state)
    probability = {}
    for outcome, terms in COEFFICIENTS.items():
        predictor = np.full(len(state["age"]), terms["intercept"])
        for name, coefficient in terms.items():
            if name != "intercept":
                predictor += coefficient * values[name]
        chance = -np.expm1(-np.exp(np.minimum(predictor, 0.5)))
        if outcome != "death":
            chance = chance * (1 - state[outcome])
        if outcome == "breast_cancer":
            chance = chance * (1 - state["male"])
        probability[outcome] = chance
    return probability


def any_ascvd(probability: dict[str, Array]) -> Array:
    """Probability of a first of myocardial infarction, coronary disease or ischaemic stroke within the year."""
    return 1 - np.prod([1 - probability[name] for name in ASCVD], axis=0)

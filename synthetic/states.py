"""The latent health state of people, how it starts, and how a year changes it.

A state is a mapping of names to arrays over people: fixed traits (sex, scores, family history), behaviours, untreated
levels of labs and vitals, diseases (0/1) and treatments. What a hospital measures is the treated level plus noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthetic.clock import Array, Index

State = dict[str, Array]

STATIN_FACTOR = 0.60
"""A high-intensity statin lowers LDL by about 40 % (CTT; STELLAR 2003: 35-50 %)."""
METFORMIN_A1C, SECOND_LINE_A1C = 1.0, 0.9
"""HbA1c lowering in % points (Hirst 2012; Palmer 2016)."""
SBP_PER_DRUG = 9.0
"""mmHg per antihypertensive at standard dose (Law 2009)."""


@dataclass(frozen=True)
class Traits:
    """What a person is born with or lives in: inputs of the first state."""

    age: Array
    male: Array
    ancestry: Index
    pm2_5: Array
    scores: dict[str, Array]
    e4: Array
    e2: Array
    brca: Array
    lynch: Array
    high_ldl: Array
    """Carries a pathogenic LDLR or APOB allele."""


def treated_sbp(state: State) -> Array:
    """Systolic pressure with the drugs taken, mmHg."""
    return state["sbp"] - SBP_PER_DRUG * state["bp_drugs"]


def treated_ldl(state: State) -> Array:
    """LDL with the statin taken, mg/dL."""
    return np.where(state["statin"] > 0, STATIN_FACTOR, 1.0) * state["ldl"]


def treated_a1c(state: State) -> Array:
    """HbA1c with the glucose-lowering drugs taken, %."""
    return np.maximum(
        state["a1c"] - METFORMIN_A1C * state["metformin"] - SECOND_LINE_A1C * (state["second_line"] > 0), 5.2
    )


def first(traits: Traits, rng: np.random.Generator) -> State:
    """State at the start of the study, before any disease: behaviours shape body, body shapes labs."""
    n, age, male = len(traits.age), traits.age, traits.male

    def noise(sd: float) -> Array:
        return rng.normal(0, sd, n)

    def chance(p: Array | float) -> Array:
        return (rng.random(n) < p).astype(float)

    older = (age - 57) / 10
    african, east_asian, south_asian = (np.asarray(traits.ancestry == i, dtype=float) for i in (1, 2, 3))
    smoking = np.select([rng.random(n) < 0.18, rng.random(n) < 0.36 + 0.05 * older], [2.0, 1.0], 0.0)
    activity = -0.20 * older - 0.25 * (smoking == 2) + noise(1.0)
    bmi = np.clip(27.6 - 0.6 * activity + 0.8 * african - 2.6 * east_asian - 0.8 * south_asian + noise(4.0), 17, 52)
    rhr = 67 - 2.2 * activity - 1.5 * male + 2.2 * (smoking == 2) + 0.12 * (bmi - 27) + noise(6.0)
    sbp = 123 + 6 * older + 3 * male + 0.7 * (bmi - 27) + 4 * african + noise(12)
    ldl = 126 + 3 * older + 7 * traits.e4 - 14 * traits.e2 + 95 * traits.high_ldl + noise(27)
    hdl = np.clip(56 - 10 * male - 0.5 * (bmi - 27) + 1.5 * activity + noise(10), 22, 110)
    tg = 115 * np.exp(0.03 * (bmi - 27) + 0.12 * male - 0.04 * activity + noise(0.4))
    a1c = (
        5.42
        + 0.07 * older
        + 0.022 * (bmi - 27)
        + 0.04 * traits.scores["t2d"]
        + 0.08 * (south_asian + african)
        + noise(0.27)
    )
    egfr = np.clip(94 - 8 * older + noise(10), 63, 128)
    family = {
        f"fh_{name}": chance(1 / (1 + np.exp(-(base + 0.55 * traits.scores[trait] + noise(0.8)))))
        for name, trait, base in (
            ("t2d", "t2d", -1.1), ("cvd", "cad", -1.2), ("breast_cancer", "breast_cancer", -2.2),
            ("colorectal_cancer", "colorectal_cancer", -2.6),
        )
    }  # fmt: skip
    zero = np.zeros(n)
    return {
        "age": age.copy(), "male": male, "pm2_5": traits.pm2_5.copy(), "smoking": smoking, "activity": activity,
        "bmi": bmi, "height": 163.0 + 13 * male - 3 * east_asian + noise(6.3), "rhr": np.clip(rhr, 44, 105),
        "sbp": sbp, "pulse_ratio": np.clip(0.61 - 0.015 * older + noise(0.025), 0.45, 0.75),
        "ldl": np.clip(ldl, 45, 380),
        "hdl": hdl, "tg": np.clip(tg, 35, 900), "a1c": np.clip(a1c, 4.6, 6.3), "egfr": egfr,
        "uacr": np.clip(9 * np.exp(0.15 * older + noise(0.7)), 1, 900),
        "crp": np.clip(1.5 * np.exp(0.06 * (bmi - 27) + 0.3 * (smoking == 2) + noise(0.6)), 0.2, 40),
        "bmi_slope": 0.06 + noise(0.12), "sbp_slope": 0.6 + noise(0.5), "a1c_slope": 0.012 + noise(0.010),
        "egfr_slope": -0.8 + noise(0.4),
        "e4": traits.e4, "e2": traits.e2, "brca": traits.brca, "lynch": traits.lynch,
        **family, **{f"pgs_{trait}": score for trait, score in traits.scores.items()},
        **{name: zero.copy() for name in (*DISEASES, *TREATMENTS)},
    }  # fmt: skip


DISEASES = (
    "t2d", "mi", "chd", "stroke", "heart_failure", "af", "ckd", "copd", "dementia", "breast_cancer",
    "colorectal_cancer", "hypertension", "hyperlipidemia", "obesity",
)  # fmt: skip
TREATMENTS = (
    "statin",
    "bp_drugs",
    "metformin",
    "second_line",
    "anticoagulant",
    "antiplatelet",
    "beta_blocker",
    "inhaler",
)


def advance(state: State, onset: dict[str, Array], rng: np.random.Generator) -> State:
    """Return the state a year later: ageing, behaviour, the onsets of the year, risk factors found, treatment."""
    n = len(state["age"])

    def noise(sd: float) -> Array:
        return rng.normal(0, sd, n)

    def chance(p: Array | float) -> Array:
        return (rng.random(n) < p).astype(float)

    new = dict(state)
    for name, happened in onset.items():
        new[name] = np.maximum(state[name], happened)
    gain = state["bmi_slope"] + noise(0.35)
    new["age"] = state["age"] + 1
    new["pm2_5"] = state["pm2_5"] * 0.985
    new["smoking"] = np.where((state["smoking"] == 2) & (rng.random(n) < 0.04), 1.0, state["smoking"])
    new["activity"] = state["activity"] * 0.985 - 0.015 + noise(0.14)
    new["bmi"] = np.clip(state["bmi"] + gain - 1.2 * (new["second_line"] == 3) * (state["second_line"] != 3), 16, 55)
    new["rhr"] = np.clip(state["rhr"] - 0.5 * (new["activity"] - state["activity"]) + noise(0.8), 42, 110)
    new["sbp"] = state["sbp"] + state["sbp_slope"] + 0.6 * gain + noise(1.5)
    new["ldl"] = np.clip(state["ldl"] + 0.2 + noise(3), 40, 400)
    new["hdl"] = np.clip(state["hdl"] - 0.2 * gain + noise(1), 20, 115)
    new["tg"] = np.clip(state["tg"] * np.exp(0.02 * gain + noise(0.06)), 35, 1000)
    started = onset.get("t2d", np.zeros(n)) * (1 - state["t2d"])
    rising = np.minimum(state["a1c"] + state["a1c_slope"] + 0.02 * gain + noise(0.03), 6.35)
    diabetic = np.minimum(state["a1c"] + 0.10 + noise(0.12), 12)
    new["a1c"] = np.select([started > 0, state["t2d"] > 0], [6.9 + np.abs(noise(0.6)), diabetic], rising)
    damaged = onset.get("ckd", np.zeros(n)) * (1 - state["ckd"])
    falling = np.maximum(state["egfr"] + state["egfr_slope"] - 0.5 * state["t2d"] + noise(1.2), 61)
    failing = np.maximum(state["egfr"] - 1.5 + noise(1.5), 12)
    new["egfr"] = np.select([damaged > 0, state["ckd"] > 0], [np.clip(54 + noise(4), 30, 59), failing], falling)
    new["uacr"] = np.clip(state["uacr"] * np.exp(0.02 + 0.06 * state["t2d"] + 0.7 * damaged + noise(0.12)), 1, 3000)
    new["crp"] = np.clip(state["crp"] * np.exp(0.03 * gain + noise(0.15)), 0.2, 60)
    return treat(new, chance)


def treat(state: State, chance: object) -> State:
    """Diagnose risk factors and start drugs, as the guidelines of the time would, with a clinician's delay."""
    draw = chance
    new = dict(state)
    assert callable(draw)
    sbp, ldl = treated_sbp(state), treated_ldl(state)
    vascular = np.maximum.reduce([state["mi"], state["chd"], state["stroke"]])
    new["hypertension"] = np.maximum(state["hypertension"], draw(0.45 * (state["sbp"] >= 139)))
    new["hyperlipidemia"] = np.maximum(state["hyperlipidemia"], draw(0.5 * (state["ldl"] >= 158)))
    new["obesity"] = np.maximum(state["obesity"], draw(0.5 * (state["bmi"] >= 30.5)))
    step_up = (new["hypertension"] > 0) & (sbp >= 134) & (state["bp_drugs"] < 3)
    new["bp_drugs"] = state["bp_drugs"] + draw(0.55 * step_up)
    wanted = np.select(
        [vascular > 0, (ldl >= 185) | (state["t2d"] > 0), new["hyperlipidemia"] > 0], [0.8, 0.45, 0.30], 0.02
    )
    new["statin"] = np.maximum(state["statin"], draw(wanted))
    new["metformin"] = np.maximum(state["metformin"], draw(0.8 * state["t2d"]))
    intensify = draw(0.5 * ((state["metformin"] > 0) & (treated_a1c(state) >= 7.8) & (state["second_line"] == 0)))
    new["second_line"] = np.where(intensify > 0, 1 + np.floor(3 * (state["height"] % 1)), state["second_line"])
    for drug, reason, p in (
        ("anticoagulant", state["af"], 0.8), ("antiplatelet", vascular, 0.85), ("beta_blocker", state["mi"], 0.8),
        ("inhaler", state["copd"], 0.8),
    ):  # fmt: skip
        new[drug] = np.maximum(state[drug], draw(p * reason))
    return new

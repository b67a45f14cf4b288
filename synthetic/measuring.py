"""What is measured at a visit: the treated latent level plus biological and analytical noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthetic.care import ANNUAL, BASELINE, FOLLOW_UP, STAY, Visits
from synthetic.clock import Array, Index, Mask
from synthetic.codes import MEASURES
from synthetic.history import History
from synthetic.people import People
from synthetic.states import METFORMIN_A1C, SBP_PER_DRUG, SECOND_LINE_A1C, STATIN_FACTOR

CONCEPTS = tuple(MEASURES)
_ANNUAL = ("body_weight", "bmi", "systolic_bp", "diastolic_bp", "heart_rate", "total_cholesterol", "hdl_cholesterol",
           "ldl_cholesterol", "triglycerides", "hba1c", "fasting_glucose", "creatinine", "egfr")  # fmt: skip
_FOLLOW_UP = ("body_weight", "bmi", "systolic_bp", "diastolic_bp", "heart_rate", "hba1c", "creatinine", "egfr")
_STAY = ("creatinine", "egfr", "hemoglobin", "platelets", "leukocytes", "sodium", "potassium", "crp", "heart_rate",
         "oxygen_saturation", "body_temperature", "respiratory_rate")  # fmt: skip
_SOMETIMES = ("uacr", "alt", "ast", "hemoglobin", "platelets", "leukocytes", "sodium", "potassium", "crp")


@dataclass
class Measured:
    """Results, sorted by person and time. ``visit`` indexes the visits, ``concept`` indexes ``CONCEPTS``."""

    visit: Index
    concept: Index
    value: Array
    at_b: Mask

    def __len__(self) -> int:
        return len(self.visit)


def ckd_epi_2021(creatinine: Array, age: Array, male: Mask) -> Array:
    """eGFR in mL/min/1.73 m2 from creatinine in mg/dL (CKD-EPI 2021, Inker, NEJM 385:1737)."""
    kappa, alpha = np.where(male, 0.9, 0.7), np.where(male, -0.302, -0.241)
    ratio = creatinine / kappa
    low, high = np.minimum(ratio, 1) ** alpha, np.maximum(ratio, 1) ** -1.200
    return np.asarray(142 * low * high * 0.9938**age * np.where(male, 1.0, 1.012))


def creatinine_for(egfr: Array, age: Array, male: Mask) -> Array:
    """Creatinine in mg/dL that gives an eGFR: the inverse of ``ckd_epi_2021``."""
    kappa, alpha = np.where(male, 0.9, 0.7), np.where(male, -0.302, -0.241)
    rest = egfr / (142 * 0.9938**age * np.where(male, 1.0, 1.012))
    return np.asarray(kappa * np.where(rest >= 1, rest ** (1 / alpha), rest ** (1 / -1.200)))


def values(people: People, history: History, visits: Visits, rng: np.random.Generator) -> dict[str, Array]:
    """Every concept's value at every visit, in canonical units."""
    person, when = visits.person, visits.when
    n = len(visits)

    def level(name: str) -> Array:
        return history.level(name, person, when)

    def noise(sd: float) -> Array:
        return rng.normal(0, sd, n)

    male = people.male[person]
    age = (when.astype("datetime64[D]") - people.birth[person]).astype(float) / 365.25
    older, stay = (age - 57) / 10, visits.kind == STAY
    height = level("height")
    weight = level("bmi") * (height / 100) ** 2 + noise(0.6)
    drugs = sum(history.on(name, person, when).astype(float) for name in ("bp_drugs", "bp_drugs_2", "bp_drugs_3"))
    sbp = level("sbp") - SBP_PER_DRUG * drugs + noise(6.5)
    ldl = level("ldl") * np.where(history.on("statin", person, when), STATIN_FACTOR, 1.0) * np.exp(noise(0.05))
    hdl, tg = level("hdl") * np.exp(noise(0.05)), level("tg") * np.exp(noise(0.16))
    a1c = level("a1c") - METFORMIN_A1C * history.on("metformin", person, when, 60)
    a1c = np.maximum(a1c - SECOND_LINE_A1C * history.on("second_line", person, when, 60), 5.2)
    onset = history.onset["t2d"][person]
    healthy = np.isnat(onset) | (when.astype("datetime64[D]") < onset)
    a1c = np.where(healthy, np.minimum(a1c, 6.35), a1c)
    measured_a1c = np.where(healthy, np.minimum(a1c + noise(0.05), 6.4), a1c + noise(0.10))
    glucose = np.where(healthy, np.minimum(14 + 15.2 * a1c + noise(5), 125), 27 * a1c - 42 + noise(9))
    creatinine = creatinine_for(level("egfr"), age, male) * np.exp(noise(0.04))
    lung = 0.041 * (height - 162) - 0.028 * (age - 55) + np.where(male, 3.4, 2.75) + noise(0.25)
    obstructed = np.asarray(history.onset["copd"][person] < when)
    alt = np.exp(3.05 + 0.03 * (level("bmi") - 27) + 0.15 * male + noise(0.28))
    return {
        "body_height": height + noise(0.4), "body_weight": weight, "bmi": weight / (height / 100) ** 2,
        "systolic_bp": sbp, "diastolic_bp": sbp * level("pulse_ratio") + noise(4),
        "heart_rate": level("rhr") + 5 + 12 * stay + noise(9), "respiratory_rate": 15 + 3 * stay + noise(1.5),
        "body_temperature": 36.7 + 0.4 * stay + noise(0.25),
        "oxygen_saturation": np.minimum(97.3 - 1.5 * stay - 2 * obstructed + noise(0.9), 100), "hba1c": measured_a1c,
        "fasting_glucose": np.maximum(glucose, 62), "total_cholesterol": ldl + hdl + tg / 5 + noise(4),
        "hdl_cholesterol": hdl, "ldl_cholesterol": ldl, "triglycerides": tg, "creatinine": creatinine,
        "egfr": ckd_epi_2021(np.round(creatinine, 2), age, male), "uacr": level("uacr") * np.exp(noise(0.25)),
        "alt": alt, "ast": alt * np.exp(-0.1 + noise(0.15)),
        "hemoglobin": np.where(male, 15.0, 13.4) - 0.2 * older - 0.9 * stay + noise(0.8),
        "platelets": 250 - 8 * older + noise(48), "leukocytes": np.exp(1.87 + 0.25 * stay + noise(0.22)),
        "sodium": 140 + noise(1.9), "potassium": 4.3 + noise(0.32),
        "crp": level("crp") * np.exp(noise(0.35)) * np.where(stay, 6, 1),
        "fev1": np.maximum(lung * np.where(obstructed, 0.62, 1.0), 0.6),
    }  # fmt: skip


def measure(people: People, history: History, visits: Visits, rng: np.random.Generator) -> Measured:
    """Decide what is measured where, and measure it. Vital signs are taken at hospital A only."""
    table = values(people, history, visits, rng)
    kind, person = visits.kind, visits.person
    fixed = {BASELINE: CONCEPTS, ANNUAL: _ANNUAL, FOLLOW_UP: _FOLLOW_UP, STAY: _STAY}
    columns: list[tuple[Index, Index, Array]] = []
    diabetic = np.asarray(history.onset["t2d"][person] < visits.when)
    for i, concept in enumerate(CONCEPTS):
        wanted = np.isin(kind, [code for code, names in fixed.items() if concept in names])
        if concept in _SOMETIMES:
            often = 0.2 + (0.6 * diabetic if concept == "uacr" else 0.0)
            wanted |= (kind == ANNUAL) & (rng.random(len(visits)) < often)
        if MEASURES[concept].vital or concept == "fev1":
            wanted &= people.in_a[person]
        rows = np.flatnonzero(wanted)
        columns.append((rows, np.full(len(rows), i), table[concept][rows]))
    visit, code, value = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.lexsort((code, visit))
    visit, code, value = visit[order], code[order], value[order]
    decimals = np.array([measure.decimals for measure in MEASURES.values()])
    value = np.round(value * 10.0 ** decimals[code]) / 10.0 ** decimals[code]
    lab = np.array([not (m.vital or name == "fev1") for name, m in MEASURES.items()])
    return Measured(visit, code, np.maximum(value, 0), visits.labs_at_b[visit] & lab[code])


def text(measured: Measured) -> NDArray[np.object_]:
    """Values as a laboratory prints them: the concept's decimals."""
    result = np.empty(len(measured), dtype=object)
    for i, concept in enumerate(CONCEPTS):
        rows = np.flatnonzero(measured.concept == i)
        form = f".{MEASURES[concept].decimals}f"
        result[rows] = [format(v, form) for v in measured.value[rows].tolist()]
    return result

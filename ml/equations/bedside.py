"""Bedside scores: stroke and bleeding in atrial fibrillation, liver fibrosis, early warning, insulin, LDL."""

from __future__ import annotations

import numpy as np

from ml.equations.base import Equation, Floats, Input, by_sex
from ml.equations.cardiovascular import SEX, flag


def cha2ds2_vasc(
    *,
    age: Floats,
    sex_male: Floats,
    heart_failure: Floats,
    hypertension: Floats,
    diabetes: Floats,
    stroke: Floats,
    vascular_disease: Floats,
) -> Floats:
    """Return CHA2DS2-VASc points, 0 to 9 (n,), Lip 2010. stroke: or TIA or thromboembolism. All but age are flags."""
    found = heart_failure + hypertension + diabetes + 2 * stroke + vascular_disease
    return found + np.select([age >= 75, age >= 65], [2, 1], 0) + by_sex(sex_male, 1, 0)


def has_bled(
    *,
    age: Floats,
    uncontrolled_hypertension: Floats,
    abnormal_kidney: Floats,
    abnormal_liver: Floats,
    stroke: Floats,
    bleeding: Floats,
    labile_inr: Floats,
    bleeding_drugs: Floats,
    alcohol: Floats,
) -> Floats:
    """Return HAS-BLED points, 0 to 9 (n,), Pisters 2010.

    Args:
        uncontrolled_hypertension: systolic pressure above 160 mmHg. bleeding: history or predisposition.
        bleeding_drugs: antiplatelets or NSAID. alcohol: eight or more drinks a week. All but age are flags.
    """
    found = uncontrolled_hypertension + abnormal_kidney + abnormal_liver + stroke + bleeding + labile_inr
    return found + (age > 65) + bleeding_drugs + alcohol


def fib4(*, age: Floats, ast: Floats, alt: Floats, platelets: Floats) -> Floats:
    """Return the FIB-4 index (n,), Sterling 2006; ast and alt in U/L, platelets in 10*3/uL (10*9/L)."""
    return age * ast / (platelets * np.sqrt(alt))


def news2(
    *,
    respiratory_rate: Floats,
    oxygen_saturation: Floats,
    supplemental_oxygen: Floats,
    systolic_bp: Floats,
    heart_rate: Floats,
    not_alert: Floats,
    body_temperature: Floats,
    oxygen_scale_2: Floats,
) -> Floats:
    """Return NEWS2 points, 0 to 20 (n,), Royal College of Physicians 2017, chart 1.

    Args:
        respiratory_rate, heart_rate: per minute. oxygen_saturation: %. body_temperature: degrees Celsius.
        not_alert: new confusion, or responds to voice or pain only, or unresponsive. oxygen_scale_2: target 88-92 %, in
            hypercapnic respiratory failure. The rest are flags.
    """
    breath = np.select(
        [respiratory_rate <= 8, respiratory_rate < 12, respiratory_rate < 21, respiratory_rate < 25], [3, 1, 0, 2], 3
    )
    spo2, on_air = oxygen_saturation, supplemental_oxygen == 0
    first = np.select([spo2 < 92, spo2 < 94, spo2 < 96], [3, 2, 1], 0)
    second = np.select(
        [spo2 < 84, spo2 < 86, spo2 < 88, (spo2 < 93) | on_air, spo2 < 95, spo2 < 97], [3, 2, 1, 0, 1, 2], 3
    )
    pressure = np.select(
        [systolic_bp <= 90, systolic_bp <= 100, systolic_bp <= 110, systolic_bp < 220], [3, 2, 1, 0], 3
    )
    pulse = np.select(
        [heart_rate <= 40, heart_rate <= 50, heart_rate <= 90, heart_rate <= 110, heart_rate <= 130], [3, 1, 0, 1, 2], 3
    )
    warmth = np.select(
        [body_temperature <= 35, body_temperature <= 36, body_temperature <= 38, body_temperature <= 39],
        [3, 1, 0, 1],
        2,
    )
    oxygen = np.where(oxygen_scale_2 == 1, second, first)
    return breath + oxygen + 2 * supplemental_oxygen + pressure + pulse + 3 * not_alert + warmth


def homa_ir(*, fasting_glucose: Floats, insulin: Floats) -> Floats:
    """Return HOMA-IR (n,), Matthews 1985; fasting glucose in mg/dL, fasting insulin in uIU/mL."""
    return fasting_glucose * insulin / 405


def friedewald(*, total_cholesterol: Floats, hdl_cholesterol: Floats, triglycerides: Floats) -> Floats:
    """Return LDL cholesterol in mg/dL (n,), Friedewald 1972; not above triglycerides of 400 mg/dL."""
    return total_cholesterol - hdl_cholesterol - triglycerides / 5


def _needed(name: str, unit: str, low: float, high: float, clamp: bool = True) -> Input:
    return Input(name, unit, low, high, None, clamp)


_AGE = Input("age", "a", 18, 120, None, clamp=False)

EQUATIONS = (
    Equation(
        "cha2ds2_vasc",
        "CHA2DS2-VASc",
        "stroke",
        0,
        "Lip GYH et al. Chest 2010;137:263-72",
        (_AGE, SEX, *map(flag, ("heart_failure", "hypertension", "diabetes", "stroke", "vascular_disease"))),
        cha2ds2_vasc,
        notes="Atrial fibrillation without mitral stenosis.",
        result="points",
        verified="the published table of points",
    ),
    Equation(
        "has_bled",
        "HAS-BLED",
        "major_bleeding",
        0,
        "Pisters R et al. Chest 2010;138:1093-100",
        (
            _AGE,
            *map(
                flag,
                (
                    "uncontrolled_hypertension",
                    "abnormal_kidney",
                    "abnormal_liver",
                    "stroke",
                    "bleeding",
                    "labile_inr",
                    "bleeding_drugs",
                    "alcohol",
                ),
            ),
        ),
        has_bled,
        notes="Atrial fibrillation on an anticoagulant.",
        result="points",
        verified="the published table of points",
    ),
    Equation(
        "fib4",
        "FIB-4",
        "liver_fibrosis",
        0,
        "Sterling RK et al. Hepatology 2006;43:1317-25",
        (
            _AGE,
            _needed("ast", "U/L", 3, 20_000),
            _needed("alt", "U/L", 3, 20_000),
            _needed("platelets", "10*3/uL", 5, 2000),
        ),
        fib4,
        notes="Below 1.3 advanced fibrosis is unlikely, above 2.67 likely; less exact below 35 and above 65 years.",
        result="1",
        verified="the published formula",
    ),
    Equation(
        "news2",
        "NEWS2",
        "deterioration",
        0,
        "Royal College of Physicians. National Early Warning Score (NEWS) 2. 2017",
        (
            _needed("respiratory_rate", "/min", 0, 100),
            _needed("oxygen_saturation", "%", 40, 100),
            flag("supplemental_oxygen"),
            _needed("systolic_bp", "mm[Hg]", 30, 300),
            _needed("heart_rate", "/min", 10, 300),
            flag("not_alert"),
            _needed("body_temperature", "Cel", 25, 45),
            flag("oxygen_scale_2"),
        ),
        news2,
        notes="Ages 16 and older, not in pregnancy.",
        result="points",
        verified="chart 1 of the report",
    ),
    Equation(
        "homa_ir",
        "HOMA-IR",
        "insulin_resistance",
        0,
        "Matthews DR et al. Diabetologia 1985;28:412-9",
        (_needed("fasting_glucose", "mg/dL", 30, 600), _needed("insulin", "u[IU]/mL", 0.1, 500)),
        homa_ir,
        result="1",
        verified="the published formula",
    ),
    Equation(
        "ldl_friedewald",
        "LDL cholesterol by Friedewald",
        "ldl_cholesterol",
        0,
        "Friedewald WT et al. Clin Chem 1972;18:499-502",
        (
            _needed("total_cholesterol", "mg/dL", 40, 1000),
            _needed("hdl_cholesterol", "mg/dL", 5, 200),
            _needed("triglycerides", "mg/dL", 10, 400, clamp=False),
        ),
        friedewald,
        result="mg/dL",
        verified="the published formula",
    ),
)

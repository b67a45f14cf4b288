"""What a measurement can be in a living person, by input and unit: values beyond are another unit or a mistake.

The limits lie far outside of what any equation was made for, and are chosen so that the unit most often confused with
the right one falls outside: cholesterol of 5.5 (mmol/L) cannot be mg/dL, creatinine of 88 (umol/L) cannot be mg/dL,
albumin of 40 (g/L) cannot be g/dL. Where two units overlap (urine albumin/creatinine in mg/g and mg/mmol) nothing can
be told from the values, and the header must say the unit.
"""

from __future__ import annotations

POSSIBLE: dict[tuple[str, str], tuple[float, float]] = {
    ("age", "a"): (0, 130),
    ("projection_age", "a"): (0, 130),
    ("age_at_diagnosis", "a"): (0, 130),
    ("total_cholesterol", "mg/dL"): (30, 2000),
    ("total_cholesterol", "mmol/L"): (0.8, 29),
    ("hdl_cholesterol", "mg/dL"): (4, 250),
    ("hdl_cholesterol", "mmol/L"): (0.1, 3.99),
    ("triglycerides", "mg/dL"): (10, 12_000),
    ("fasting_glucose", "mg/dL"): (15, 2000),
    ("insulin", "u[IU]/mL"): (0, 2000),
    ("systolic_bp", "mm[Hg]"): (30, 350),
    ("diastolic_bp", "mm[Hg]"): (10, 250),
    ("bmi", "kg/m2"): (8, 130),
    ("body_weight", "kg"): (10, 700),
    ("waist", "cm"): (30, 300),
    ("egfr", "mL/min/{1.73_m2}"): (0.5, 300),
    ("creatinine", "mg/dL"): (0.05, 30),
    ("cystatin_c", "mg/L"): (0.1, 20),
    ("hba1c", "%"): (2.5, 20),
    ("hba1c", "mmol/mol"): (8, 200),
    ("uacr", "mg/g"): (0, 50_000),
    ("albumin", "g/dL"): (0.5, 8),
    ("phosphate", "mg/dL"): (0.2, 25),
    ("bicarbonate", "mmol/L"): (1, 70),
    ("calcium", "mg/dL"): (3.6, 25),
    ("ast", "U/L"): (0, 50_000),
    ("alt", "U/L"): (0, 50_000),
    ("platelets", "10*3/uL"): (1, 3000),
    ("respiratory_rate", "/min"): (0, 120),
    ("oxygen_saturation", "%"): (20, 100),
    ("heart_rate", "/min"): (0, 350),
    ("body_temperature", "Cel"): (20, 46),
    ("cholesterol_ratio", "1"): (0.5, 60),
}

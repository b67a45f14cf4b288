"""Codes and units that the demo hospitals write: LOINC, UCUM, ICD-10-CM, SNOMED CT and RxNorm."""

from __future__ import annotations

from dataclasses import dataclass

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
CVX = "http://hl7.org/fhir/sid/cvx"
MRN_SYSTEM = "urn:oid:2.16.840.1.113883.19.5.1"


@dataclass(frozen=True)
class Measure:
    """A measured concept: LOINC code, name, UCUM unit, decimals as written, reference range, code at hospital B."""

    loinc: str
    name: str
    unit: str
    decimals: int
    low: float | None = None
    high: float | None = None
    local: str = ""
    vital: bool = False


MEASURES: dict[str, Measure] = {
    "body_height": Measure("8302-2", "Body height", "cm", 1, vital=True),
    "body_weight": Measure("29463-7", "Body weight", "kg", 1, vital=True),
    "bmi": Measure("39156-5", "Body mass index (BMI) [Ratio]", "kg/m2", 1, 18.5, 25, vital=True),
    "systolic_bp": Measure("8480-6", "Systolic blood pressure", "mm[Hg]", 0, 90, 130, vital=True),
    "diastolic_bp": Measure("8462-4", "Diastolic blood pressure", "mm[Hg]", 0, 60, 85, vital=True),
    "heart_rate": Measure("8867-4", "Heart rate", "/min", 0, 50, 100, vital=True),
    "respiratory_rate": Measure("9279-1", "Respiratory rate", "/min", 0, 12, 20, vital=True),
    "body_temperature": Measure("8310-5", "Body temperature", "Cel", 1, 36, 37.5, vital=True),
    "oxygen_saturation": Measure("2708-6", "Oxygen saturation in Arterial blood", "%", 0, 94, 100, vital=True),
    "hba1c": Measure("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 1, 4, 5.6, "HBA1C"),
    "fasting_glucose": Measure(
        "1558-6", "Fasting glucose [Mass/volume] in Serum or Plasma", "mg/dL", 0, 70, 99, "GLUF"
    ),
    "total_cholesterol": Measure(
        "2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 0, 100, 200, "CHOL"
    ),
    "hdl_cholesterol": Measure(
        "2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL", 0, 40, 100, "HDL"
    ),
    "ldl_cholesterol": Measure(
        "13457-7", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation", "mg/dL", 0, 0, 130, "LDL"
    ),
    "triglycerides": Measure("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "mg/dL", 0, 0, 150, "TRIG"),
    "creatinine": Measure("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 2, 0.6, 1.2, "CREA"),
    "egfr": Measure(
        "98979-8", "Glomerular filtration rate predicted by CKD-EPI 2021", "mL/min/{1.73_m2}", 0, 60, None, "EGFR"
    ),
    "uacr": Measure("9318-7", "Albumin/Creatinine [Mass Ratio] in Urine", "mg/g", 1, 0, 30, "UACR"),
    "alt": Measure(
        "1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L", 0, 7, 40, "ALT"
    ),
    "ast": Measure(
        "1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L", 0, 8, 40, "AST"
    ),
    "hemoglobin": Measure("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 1, 12, 17, "HGB"),
    "platelets": Measure("777-3", "Platelets [#/volume] in Blood by Automated count", "10*3/uL", 0, 150, 400, "PLT"),
    "leukocytes": Measure("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL", 1, 4, 11, "WBC"),
    "sodium": Measure("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 0, 135, 145, "NA"),
    "potassium": Measure("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 1, 3.5, 5.1, "K"),
    "crp": Measure(
        "30522-7",
        "C reactive protein [Mass/volume] in Serum or Plasma by High sensitivity method",
        "mg/L",
        1,
        0,
        3,
        "CRP",
    ),
    "fev1": Measure("20150-9", "FEV1", "L", 2),
}

CONDITIONS: dict[str, tuple[str, str, str]] = {
    "t2d": ("E11.9", "44054006", "Type 2 diabetes mellitus"),
    "chd": ("I25.10", "53741008", "Coronary arteriosclerosis"),
    "mi": ("I21.9", "22298006", "Myocardial infarction"),
    "stroke": ("I63.9", "422504002", "Ischemic stroke"),
    "af": ("I48.91", "49436004", "Atrial fibrillation"),
    "ckd": ("N18.3", "709044004", "Chronic kidney disease"),
    "copd": ("J44.9", "13645005", "Chronic obstructive lung disease"),
    "dementia": ("F03.90", "52448006", "Dementia"),
    "breast_cancer": ("C50.919", "254837009", "Malignant neoplasm of breast"),
    "colorectal_cancer": ("C18.9", "363406005", "Malignant tumor of colon"),
    "heart_failure": ("I50.9", "84114007", "Heart failure"),
    "hypertension": ("I10", "38341003", "Hypertensive disorder"),
    "hyperlipidemia": ("E78.5", "55822004", "Hyperlipidemia"),
    "obesity": ("E66.9", "414916001", "Obesity"),
}
"""Condition: ICD-10-CM code, SNOMED CT code, SNOMED CT display."""

DRUGS: dict[str, tuple[str, str, float, str]] = {
    "metformin": ("6809", "metformin", 1000, "mg"),
    "atorvastatin": ("83367", "atorvastatin", 40, "mg"),
    "simvastatin": ("36567", "simvastatin", 40, "mg"),
    "rosuvastatin": ("301542", "rosuvastatin", 20, "mg"),
    "lisinopril": ("29046", "lisinopril", 20, "mg"),
    "losartan": ("52175", "losartan", 50, "mg"),
    "amlodipine": ("17767", "amlodipine", 5, "mg"),
    "hydrochlorothiazide": ("5487", "hydrochlorothiazide", 25, "mg"),
    "insulin_glargine": ("274783", "insulin glargine", 20, "[iU]"),
    "empagliflozin": ("1545653", "empagliflozin", 10, "mg"),
    "semaglutide": ("1991302", "semaglutide", 1, "mg"),
    "apixaban": ("1364430", "apixaban", 5, "mg"),
    "warfarin": ("11289", "warfarin", 5, "mg"),
    "clopidogrel": ("32968", "clopidogrel", 75, "mg"),
    "aspirin": ("1191", "aspirin", 81, "mg"),
    "metoprolol": ("6918", "metoprolol", 50, "mg"),
    "albuterol": ("435", "albuterol", 0.09, "mg"),
    "tiotropium": ("69120", "tiotropium", 0.018, "mg"),
}
"""Drug: RxNorm ingredient, name, dose and its UCUM unit."""

SMOKING = (("266919005", "Never smoked tobacco"), ("8517006", "Ex-smoker"), ("449868002", "Smokes tobacco daily"))
"""SNOMED CT answers of LOINC 72166-2, indexed by latent status 0 never, 1 former, 2 current."""

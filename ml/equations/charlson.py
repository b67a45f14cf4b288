"""Charlson comorbidity index with age, and the ten-year mortality that Charlson 1994 fitted to it."""

from __future__ import annotations

import numpy as np

from ml.equations.base import Equation, Floats, Input
from ml.equations.cardiovascular import flag

WEIGHTS = {
    "myocardial_infarction": 1,
    "heart_failure": 1,
    "peripheral_vascular_disease": 1,
    "cerebrovascular_disease": 1,
    "dementia": 1,
    "chronic_pulmonary_disease": 1,
    "connective_tissue_disease": 1,
    "peptic_ulcer_disease": 1,
    "mild_liver_disease": 1,
    "diabetes": 1,
    "hemiplegia": 2,
    "kidney_disease": 2,
    "diabetes_with_complications": 2,
    "solid_tumour": 2,
    "leukaemia": 2,
    "lymphoma": 2,
    "severe_liver_disease": 3,
    "metastatic_tumour": 6,
    "aids": 6,
}
"""Charlson ME et al. 1987, table 3."""
_GRADES = (
    ("severe_liver_disease", "mild_liver_disease"),
    ("diabetes_with_complications", "diabetes"),
    ("metastatic_tumour", "solid_tumour"),
)
"""The worse grade of a disease counts alone."""


def points(*, age: Floats, **conditions: Floats) -> Floats:
    """Return the index (n,): the weights of the conditions (flags), and a point per decade of age from 50 to 80."""
    counted = dict(conditions)
    for worse, milder in _GRADES:
        counted[milder] = np.where(conditions[worse] == 1, 0, conditions[milder])
    found = np.sum([WEIGHTS[name] * flags for name, flags in counted.items()], axis=0)
    return np.asarray(found + np.clip(np.floor(age / 10) - 4, 0, 4))


def mortality(**inputs: Floats) -> Floats:
    """Return the risk of death within ten years (n,): 1 - 0.983 ^ exp(0.9 x index)."""
    return np.asarray(1 - 0.983 ** np.exp(0.9 * points(**inputs)))


_INPUTS = (Input("age", "a", 18, 120, None, clamp=False), *map(flag, WEIGHTS))
_CITATION = "Charlson ME et al. J Chronic Dis 1987;40:373-83; Charlson M et al. J Clin Epidemiol 1994;47:1245-51"

EQUATIONS = (
    Equation(
        "charlson_points",
        "Charlson comorbidity index with age",
        "death",
        0,
        _CITATION,
        _INPUTS,
        points,
        result="points",
        verified="the published table of weights",
        notes="A condition that is not given counts as absent.",
    ),
    Equation(
        "charlson_mortality_10y",
        "Ten-year mortality by the Charlson index",
        "death",
        3652,
        _CITATION,
        _INPUTS,
        mortality,
        verified="the published formula; fitted to breast cancer patients of the 1980s, recalibrate before use",
        notes="A condition that is not given counts as absent.",
    ),
)

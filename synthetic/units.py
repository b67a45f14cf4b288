"""The wrong and the other units that laboratories write: what stands in the file and what it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Relabelled:
    """A value in another, properly labelled unit. ``written`` makes its text; ``canonical`` undoes it."""

    name: str
    concept: str
    unit: str
    per_hundred: float
    written: Callable[[float], str]
    canonical: Callable[[float], float]
    labelled: bool = True


@dataclass(frozen=True)
class Mislabelled:
    """A value whose unit is wrong, unknown or absent: kept as written and flagged with ``reason``, never guessed."""

    name: str
    concept: str
    unit: str
    per_hundred: float
    written: Callable[[float], str]
    reason: str
    labelled: bool = False


GLUCOSE, CHOLESTEROL, CREATININE = 18.0182, 38.67, 88.42
"""mg/dL per mmol/L of glucose and cholesterol; umol/L per mg/dL of creatinine."""

OTHER_UNITS = (
    Relabelled(
        "glucose_in_mmol", "fasting_glucose", "mmol/L", 4, lambda v: f"{v / GLUCOSE:.1f}", lambda x: x * GLUCOSE
    ),
    Relabelled(
        "hba1c_in_mmol_mol", "hba1c", "mmol/mol", 4, lambda v: f"{(v - 2.15) * 10.929:.0f}", lambda x: x / 10.929 + 2.15
    ),
    Relabelled(
        "creatinine_in_umol", "creatinine", "umol/L", 2, lambda v: f"{v * CREATININE:.0f}", lambda x: x / CREATININE
    ),
    Relabelled(
        "ldl_in_mmol", "ldl_cholesterol", "mmol/L", 2, lambda v: f"{v / CHOLESTEROL:.2f}", lambda x: x * CHOLESTEROL
    ),
    Relabelled(
        "weight_in_pounds", "body_weight", "[lb_av]", 4, lambda v: f"{v / 0.45359237:.1f}", lambda x: x * 0.45359237
    ),
    Relabelled("height_in_inches", "body_height", "[in_i]", 2, lambda v: f"{v / 2.54:.1f}", lambda x: x * 2.54),
)
MISLABELLED = (
    Mislabelled(
        "glucose_mmol_called_mg",
        "fasting_glucose",
        "mg/dL",
        0.5,
        lambda v: f"{v / GLUCOSE:.1f}",
        "implausible_value",
        True,
    ),
    Mislabelled("height_m_called_cm", "body_height", "cm", 0.5, lambda v: f"{v / 100:.2f}", "implausible_value", True),
    Mislabelled("unknown_unit", "hdl_cholesterol", "units", 0.5, lambda v: f"{v:.0f}", "unknown_unit"),
    Mislabelled("missing_unit", "potassium", "", 0.5, lambda v: f"{v:.1f}", "missing_unit"),
)

"""Mean glucose, HbA1c and the risk of diabetes: published relations, each with its source."""

from __future__ import annotations

from simulation.engine.course import Array

RISK_PER_KG = 0.84
"""Hazard ratio of diabetes per kg of weight lost (Hamman 2006, doi:10.2337/dc06-0560: 16 % per kg)."""


def mean_glucose(hba1c: Array | float) -> Array | float:
    """Estimated average glucose in mg/dL from HbA1c in % (ADAG: Nathan 2008, doi:10.2337/dc08-0545)."""
    return 28.7 * hba1c - 46.7


def hba1c(glucose: Array | float) -> Array | float:
    """HbA1c in % at which the estimated average glucose has this value in mg/dL; the inverse of `mean_glucose`."""
    return (glucose + 46.7) / 28.7


def glucose_management_indicator(glucose: Array | float) -> Array | float:
    """GMI in % from the mean of a CGM record in mg/dL (Bergenstal 2018, doi:10.2337/dc18-1581)."""
    return 3.31 + 0.02392 * glucose


def diabetes_hazard_ratio(weight_lost: float) -> float:
    """Hazard ratio of diabetes after losing weight (kg) at high risk; above 1 after gaining."""
    return float(RISK_PER_KG**weight_lost)

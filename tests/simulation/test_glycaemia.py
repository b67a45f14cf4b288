"""Published relations of glucose, HbA1c and weight."""

from __future__ import annotations

import pytest

from simulation.glycaemia import diabetes_hazard_ratio, glucose_management_indicator, hba1c, mean_glucose


def test_adag() -> None:
    """Nathan 2008: 6, 7, 8, 9 % are 126, 154, 183, 212 mg/dL."""
    for percent, glucose in ((6, 126), (7, 154), (8, 183), (9, 212)):
        assert mean_glucose(percent) == pytest.approx(glucose, abs=1)
        assert hba1c(mean_glucose(percent)) == pytest.approx(percent)
    assert glucose_management_indicator(154) == pytest.approx(6.99, abs=0.01)


def test_lifestyle_trials_from_weight_alone() -> None:
    """DPP (5.6 kg, -58 %, 48 to 66; calibration) and, external, the Finnish DPS (4.2 kg, HR .4, .3 to .7)."""
    assert 0.34 <= diabetes_hazard_ratio(5.6) <= 0.52
    assert 0.3 <= diabetes_hazard_ratio(4.2) <= 0.7
    assert diabetes_hazard_ratio(0) == 1

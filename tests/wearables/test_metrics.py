"""The metric dictionary: one in Python for units, its mirror in SQL for how values add up."""

from __future__ import annotations

import csv

import pytest

from lake.settings import PROJECT_DIR
from wearables.metrics import ENVIRONMENT, METRICS, unit_table


def test_the_seed_mirrors_the_dictionary() -> None:
    with (PROJECT_DIR / "transform/seeds/wearables/wearable_metric.csv").open() as file:
        seed = {row["metric"]: (row["kind"], row["unit"]) for row in csv.DictReader(file)}
    assert seed == {metric.name: (metric.kind, metric.unit) for metric in METRICS}


def test_every_metric_accepts_its_own_unit_unchanged() -> None:
    units = {(row["metric"], row["unit_src"], row["factor"], row["shift"]) for row in unit_table().to_pylist()}
    for metric in METRICS:
        assert metric.kind == "category" or (metric.name, metric.unit, 1.0, 0.0) in units
    assert all(units[unit] == (1.0, 0.0) for unit, units in ENVIRONMENT.values())


@pytest.mark.parametrize(
    ("metric", "unit", "value", "expected"),
    [
        ("body_temperature", "degF", 98.6, 37.0),
        ("body_weight", "lb", 1, 0.45359237),  # NIST SP 811
        ("body_weight", "st", 1, 6.35029318),
        ("distance", "mi", 1, 1609.344),
        ("active_energy", "kJ", 4.184, 1.0),
        ("systolic_bp", "kPa", 16, 120.009872),  # 1 mmHg = 133.322 Pa
        ("body_height", "in", 70, 177.8),
    ],
)
def test_conversions(metric: str, unit: str, value: float, expected: float) -> None:
    row = next(one for one in unit_table().to_pylist() if (one["metric"], one["unit_src"]) == (metric, unit))
    assert value * row["factor"] + row["shift"] == pytest.approx(expected, rel=1e-6)

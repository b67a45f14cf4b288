"""The metric dictionary: canonical units, how a metric adds up, and every unit that may be converted to it.

A unit that is not listed for a metric is refused, never guessed. Conversions are exact by definition unless a source
stands beside them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Kind = Literal["cumulative", "discrete", "category"]


@dataclass(frozen=True)
class Metric:
    """A measured quantity.

    Attributes:
        name: lower-snake name.
        unit: canonical unit (UCUM), empty for categories.
        kind: ``cumulative`` adds up over disjoint intervals, ``discrete`` is averaged, ``category`` is text.
        units: accepted source units -> (factor, offset): canonical = source * factor + offset.
    """

    name: str
    unit: str
    kind: Kind
    units: dict[str, tuple[float, float]]


def _same(*names: str) -> dict[str, tuple[float, float]]:
    return dict.fromkeys(names, (1.0, 0.0))


_PER_MINUTE = _same("/min", "count/min", "bpm", "beats/min", "{beats}/min", "breaths/min", "brpm")
_COUNT = _same("count", "steps", "1", "{count}", "{steps}")
_ENERGY = _same("kcal", "Cal") | {"kJ": (1 / 4.184, 0.0), "cal": (0.001, 0.0)}  # thermochemical calorie, as HealthKit
_LENGTH_M = _same("m") | {
    "km": (1000.0, 0.0),
    "cm": (0.01, 0.0),
    "mm": (0.001, 0.0),
    "mi": (1609.344, 0.0),
    "ft": (0.3048, 0.0),
    "yd": (0.9144, 0.0),
    "in": (0.0254, 0.0),
}
_HEIGHT = {unit: (factor * 100, offset) for unit, (factor, offset) in _LENGTH_M.items()}
_MASS_KG = _same("kg") | {
    "g": (0.001, 0.0),
    "lb": (0.45359237, 0.0),
    "lbs": (0.45359237, 0.0),
    "oz": (0.028349523125, 0.0),
    "st": (6.35029318, 0.0),
}
_FAHRENHEIT = (5 / 9, -160 / 9)
_TEMPERATURE = _same("Cel", "degC", "C", "°C") | {
    "degF": _FAHRENHEIT,
    "[degF]": _FAHRENHEIT,
    "F": _FAHRENHEIT,
    "°F": _FAHRENHEIT,
    "K": (1.0, -273.15),
}
_TEMPERATURE_DIFFERENCE = _same("Cel", "degC", "K") | {"degF": (5 / 9, 0.0)}
_MILLISECONDS = _same("ms") | {"s": (1000.0, 0.0), "sec": (1000.0, 0.0)}
_MINUTES = _same("min") | {"s": (1 / 60, 0.0), "sec": (1 / 60, 0.0), "h": (60.0, 0.0), "hr": (60.0, 0.0)}
_PRESSURE = _same("mm[Hg]", "mmHg") | {"kPa": (7.500617, 0.0)}
_SPEED = _same("m/s") | {
    "km/h": (1 / 3.6, 0.0),
    "km/hr": (1 / 3.6, 0.0),
    "mph": (0.44704, 0.0),
    "mi/hr": (0.44704, 0.0),
}
_GLUCOSE = _same("mg/dL") | {
    # 1 mmol/L = 18.0182 mg/dL: reference/wearables.md 6. HealthKit writes the molar mass into the unit's name.
    "mmol/L": (18.0182, 0.0),
    "mmol<180.1558800000541>/L": (18.0182, 0.0),
}
_PERCENT = _same("%")

METRICS: tuple[Metric, ...] = (
    Metric("step_count", "count", "cumulative", _COUNT),
    Metric("flights_climbed", "count", "cumulative", _COUNT),
    Metric("distance", "m", "cumulative", _LENGTH_M),
    Metric("distance_cycling", "m", "cumulative", _LENGTH_M),
    Metric("distance_swimming", "m", "cumulative", _LENGTH_M),
    Metric("distance_wheelchair", "m", "cumulative", _LENGTH_M),
    Metric("wheelchair_pushes", "count", "cumulative", _COUNT),
    Metric("active_energy", "kcal", "cumulative", _ENERGY),
    Metric("basal_energy", "kcal", "cumulative", _ENERGY),
    Metric("total_energy", "kcal", "cumulative", _ENERGY),
    Metric("exercise_time", "min", "cumulative", _MINUTES),
    Metric("stand_time", "min", "cumulative", _MINUTES),
    Metric("time_in_daylight", "min", "cumulative", _MINUTES),
    Metric("insulin_delivery", "[IU]", "cumulative", _same("[IU]", "IU")),
    Metric("sleep_duration", "min", "discrete", _MINUTES),
    Metric("sleep_stage", "", "category", {}),
    Metric("heart_rate", "/min", "discrete", _PER_MINUTE),
    Metric("resting_heart_rate", "/min", "discrete", _PER_MINUTE),
    Metric("walking_heart_rate", "/min", "discrete", _PER_MINUTE),
    Metric("respiratory_rate", "/min", "discrete", _PER_MINUTE),
    Metric("hrv_sdnn", "ms", "discrete", _MILLISECONDS),
    Metric("hrv_rmssd", "ms", "discrete", _MILLISECONDS),
    Metric("oxygen_saturation", "%", "discrete", _PERCENT),
    # share of an analysed stretch of the pulse or ECG; 0 is analysed and none, which is not the same as no reading
    Metric("atrial_fibrillation", "%", "discrete", _PERCENT | {"1": (100.0, 0.0)}),
    # share of a week or so that was in it, as a vendor estimates it
    Metric("atrial_fibrillation_burden", "%", "discrete", _PERCENT | {"1": (100.0, 0.0)}),
    Metric("heart_rate_recovery", "/min", "discrete", _PER_MINUTE),
    Metric("body_temperature", "Cel", "discrete", _TEMPERATURE),
    Metric("skin_temperature", "Cel", "discrete", _TEMPERATURE),
    Metric("skin_temperature_deviation", "Cel", "discrete", _TEMPERATURE_DIFFERENCE),
    Metric("ambient_temperature", "Cel", "discrete", _TEMPERATURE),
    Metric("glucose", "mg/dL", "discrete", _GLUCOSE),
    Metric("systolic_bp", "mm[Hg]", "discrete", _PRESSURE),
    Metric("diastolic_bp", "mm[Hg]", "discrete", _PRESSURE),
    Metric("body_weight", "kg", "discrete", _MASS_KG),
    Metric("body_height", "cm", "discrete", _HEIGHT),
    Metric("body_fat_percentage", "%", "discrete", _PERCENT),
    Metric("bmi", "kg/m2", "discrete", _same("kg/m2", "count")),  # HealthKit's unit of BMI is "count"
    Metric("lean_body_mass", "kg", "discrete", _MASS_KG),
    Metric("waist_circumference", "cm", "discrete", _HEIGHT),
    Metric("peak_expiratory_flow", "L/min", "discrete", _same("L/min")),
    Metric("vo2_max", "mL/min/kg", "discrete", _same("mL/min/kg", "mL/min·kg", "mL/kg/min", "mL/(kg.min)")),
    Metric("audio_exposure", "dB", "discrete", _same("dB", "dBASPL")),
    Metric("headphone_audio_exposure", "dB", "discrete", _same("dB", "dBASPL")),
    Metric("walking_speed", "m/s", "discrete", _SPEED),
    Metric("walking_steadiness", "%", "discrete", _PERCENT),
    Metric("six_minute_walk_distance", "m", "discrete", _LENGTH_M),
    Metric("speed", "m/s", "discrete", _SPEED),
    Metric("altitude", "m", "discrete", _LENGTH_M),
    Metric("cadence", "/min", "discrete", _same("/min", "rpm", "strides/min")),
    Metric("power", "W", "discrete", _same("W", "watts")),
    # the running total of a session: an odometer, so it is averaged by nobody and summed by nobody
    Metric("session_distance", "m", "discrete", _LENGTH_M),
)

FRACTIONS = ("oxygen_saturation", "body_fat_percentage", "atrial_fibrillation_burden", "walking_steadiness")
"""Metrics that some sources write as a fraction under the unit ``%`` (HealthKit: ``0.97`` with unit ``%``).

A person with 1 % saturation or 1 % body fat does not exist, nor a walk of 1 % steadiness, and Apple states no burden
below 2 %; so a value of at most 1 is a fraction and nothing else.
"""

_MASS_CONCENTRATION = _same("ug/m3", "µg/m3", "μg/m3", "µg/m³", "μg/m³", "ug/m³") | {"mg/m3": (1000.0, 0.0)}
_MOLAR_MASS = {"no2": 46.0055, "o3": 47.9982, "so2": 64.066, "co": 28.010}
_MOLAR_VOLUME = 24.0548
"""Litres of gas per mole at 20 °C and 1013.25 hPa, the conditions of Directive 2008/50/EC, annex VI C."""


def _mixing_ratio(molar_mass: float) -> dict[str, tuple[float, float]]:
    """Parts per billion and million by volume -> ug/m3 at the directive's conditions."""
    factor = molar_mass / _MOLAR_VOLUME
    return {"ppb": (factor, 0.0), "ppm": (factor * 1000, 0.0)}


ENVIRONMENT: dict[str, tuple[str, dict[str, tuple[float, float]]]] = {
    **dict.fromkeys(("pm2_5", "pm10"), ("ug/m3", _MASS_CONCENTRATION)),
    **{gas: ("ug/m3", _MASS_CONCENTRATION | _mixing_ratio(mass)) for gas, mass in _MOLAR_MASS.items()},
    **dict.fromkeys(("temperature_mean", "temperature_max", "temperature_min"), ("Cel", _TEMPERATURE)),
    "humidity": ("%", _PERCENT),
    "precipitation": ("mm", _same("mm") | {"cm": (10.0, 0.0), "in": (25.4, 0.0)}),
    "wind_speed": ("m/s", _SPEED),
    "pressure": ("hPa", _same("hPa", "mbar") | {"Pa": (0.01, 0.0), "kPa": (10.0, 0.0)}),
    "noise": ("dB", _same("dB", "dB(A)", "dBA")),
    "pollen": ("{grains}/m3", _same("{grains}/m3", "grains/m3")),
}
"""Environment parameters: name -> (canonical unit, accepted units)."""


def metric_table() -> pa.Table:
    """Return (metric, unit, kind), one row per metric."""
    return pa.table(
        {
            "metric": [metric.name for metric in METRICS],
            "unit": [metric.unit for metric in METRICS],
            "kind": [metric.kind for metric in METRICS],
        }
    )


def unit_table() -> pa.Table:
    """Return (metric, unit_src, above, upto, factor, shift).

    canonical = source * factor + shift, for above < source <= upto.
    """
    rows: list[tuple[str, str, float, float, float, float]] = []
    for metric in METRICS:
        for unit, (factor, shift) in metric.units.items():
            if metric.name in FRACTIONS and unit == "%":
                rows.append((metric.name, unit, -math.inf, 1.0, 100.0, 0.0))
                rows.append((metric.name, unit, 1.0, math.inf, factor, shift))
            else:
                rows.append((metric.name, unit, -math.inf, math.inf, factor, shift))
    return _unit_rows(rows)


def environment_unit_table() -> pa.Table:
    """Return (metric, unit, unit_src, factor, shift) of environment parameters."""
    rows = [
        (parameter, unit, source, factor, shift)
        for parameter, (unit, units) in ENVIRONMENT.items()
        for source, (factor, shift) in units.items()
    ]
    names = ("metric", "unit", "unit_src", "factor", "shift")
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})


def _unit_rows(rows: list[tuple[str, str, float, float, float, float]]) -> pa.Table:
    names = ("metric", "unit_src", "above", "upto", "factor", "shift")
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})

"""Daily air quality and weather of the study regions."""

from __future__ import annotations

import numpy as np

from synthetic.clock import DATA_CUTOFF, Array
from synthetic.landing import Landing
from synthetic.names import REGIONS
from synthetic.randomness import autoregression, stream

FIRST_DAY = np.datetime64("2014-01-01", "D")
_COLUMNS = "region_id,date,parameter,value,unit"


def write(landing: Landing, seed: int) -> None:
    """Write ``environment/air_quality.csv`` and ``environment/weather.csv``. PM2.5 falls 1.5 % a year."""
    dates = np.arange(FIRST_DAY, DATA_CUTOFF + 1)
    text = np.datetime_as_string(dates).tolist()
    day = np.arange(len(dates))
    season = np.cos(2 * np.pi * (day - 15) / 365.25)  # 1 in mid-January
    air, weather = [_COLUMNS], [_COLUMNS]
    for k, (region, _, pm2_5, _) in enumerate(REGIONS):
        rng = stream(seed, "environment", k)
        pm = pm2_5 * 0.985 ** (day / 365.25) * np.exp(0.12 * season + 0.38 * _persistent(rng, len(day)) - 0.075)
        no2 = 6 + 0.9 * pm2_5 * np.exp(0.25 * season + 0.3 * _persistent(rng, len(day)))
        ozone = 1.96 * (33 - 11 * season + 6 * _persistent(rng, len(day)))  # 1.96 ug/m3 per ppb at 25 Cel
        mean = 10.5 - 12.5 * season + 4 * _persistent(rng, len(day))
        humidity = np.clip(66 + 4 * season + 11 * _persistent(rng, len(day)), 20, 100)
        for lines, parameter, values, unit in (
            (air, "pm2_5", pm, "ug/m3"), (air, "no2", no2, "ug/m3"), (air, "o3", np.maximum(ozone, 3), "ug/m3"),
            (weather, "temperature_mean", mean, "Cel"),
            (weather, "temperature_max", mean + 5 + np.abs(2 * _persistent(rng, len(day))), "Cel"),
            (weather, "humidity", humidity, "%"),
        ):  # fmt: skip
            lines.extend(
                f"{region},{date},{parameter},{value:.1f},{unit}"
                for date, value in zip(text, values.tolist(), strict=True)
            )
    for name, lines in (("air_quality", air), ("weather", weather)):
        landing.put(f"environment/{name}.csv", ("\n".join(lines) + "\n").encode(), len(lines) - 1)


def _persistent(rng: np.random.Generator, n: int) -> Array:
    """Standard normal noise with a memory of days: first-order autoregression, 0.7 from day to day."""
    return autoregression(rng, n, 0.7)

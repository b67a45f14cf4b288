"""Heart rate variability: intervals between beats, found in a pulse wave where they are not given, and ``hrv.sql``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_SQL = Path(__file__).with_name("hrv.sql")
_THRESHOLDS = (5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 150, 200, 300)
"""How far above its moving average a pulse must rise, in percent of the average level."""
_WINDOW_S = 0.75
_SLOWEST, _FASTEST = 40.0, 180.0


class NoPulse(ValueError):
    """The signal has no pulse between 40 and 180 beats a minute."""


@dataclass(frozen=True)
class Beats:
    """Beats of a pulse wave.

    Attributes:
        at_s: seconds from the beginning of the signal.
        is_accepted: False where the interval to the beat before, or the one after, is no heart's.
    """

    at_s: NDArray[np.float64]
    is_accepted: NDArray[np.bool_]

    def intervals(self) -> pa.Table:
        """The intervals between accepted beats as ``hrv_metrics`` takes them."""
        both = self.is_accepted[1:] & self.is_accepted[:-1]
        joined = np.append([False], both[:-1])
        milliseconds = np.diff(self.at_s) * 1000
        numbers = np.flatnonzero(both)
        return pa.table(
            {
                "series": pa.repeat("all", len(numbers)),
                "n": numbers,
                "ms": milliseconds[numbers],
                "is_joined": joined[numbers],
            }
        )


def hrv_metrics(intervals: pa.Table) -> pa.Table:
    """Return the time-domain metrics of each series (``hrv.sql``).

    Args:
        intervals: ``series`` (text), ``n`` (order), ``ms`` (NN interval), ``is_joined`` (it follows the one before).
    """
    with duckdb.connect(":memory:") as connection:
        connection.register("nn", intervals)
        return connection.sql(_SQL.read_text()).to_arrow_table()


def nn_intervals(milliseconds: NDArray[np.float64], series: str = "all") -> pa.Table:
    """A column of NN intervals in ms as ``hrv_metrics`` takes them."""
    number = len(milliseconds)
    return pa.table(
        {
            "series": pa.repeat(series, number),
            "n": np.arange(number),
            "ms": milliseconds.astype(np.float64),
            "is_joined": pa.repeat(True, number),
        }
    )


def beats(signal: NDArray[np.float64], rate_hz: float) -> Beats:
    """Find the beats of a pulse wave (PPG).

    Method of van Gent et al., Transportation Research F 2019;66:368 (HeartPy): stretches above a raised moving average
    of 0.75 s hold a beat each, at their highest sample; of eighteen heights the one with the steadiest intervals at 40
    to 180 beats a minute is taken; a beat is refused if its interval is 30 % (at least 300 ms) off the mean.

    Args:
        signal: samples, at least two seconds.
        rate_hz: samples per second.

    Raises:
        NoPulse: nothing in the signal beats like a heart.
    """
    level = _moving_average(signal, int(_WINDOW_S * rate_hz))
    tried = [(_peaks(signal, level + np.mean(level) / 100 * height, rate_hz)) for height in _THRESHOLDS]
    minutes = len(signal) / rate_hz / 60
    fitting = []
    for peaks in tried:
        spread = np.std(np.diff(peaks)) / rate_hz * 1000 if len(peaks) > 1 else 0.0
        if spread > 0.1 and _SLOWEST <= len(peaks) / minutes <= _FASTEST:
            fitting.append((spread, peaks))
    if not fitting:
        raise NoPulse("no pulse between 40 and 180 beats a minute; is this a pulse wave, and the sampling rate right?")
    _, peaks = min(fitting, key=lambda one: one[0])
    intervals = np.diff(peaks) / rate_hz * 1000
    mean = np.mean(intervals)
    most_off = max(0.3 * mean, 300.0)
    accepted = np.ones(len(peaks), np.bool_)
    accepted[1:] = np.abs(intervals - mean) < most_off
    return Beats(peaks / rate_hz, accepted)


def sampling_rate(times_ms: NDArray[np.float64]) -> float:
    """Samples per second of a column of times in ms."""
    return float((len(times_ms) - 1) / (times_ms[-1] - times_ms[0]) * 1000)


def _moving_average(signal: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Means of windows; the ends, where no window fits, stand at the nearest one."""
    sums = np.cumsum(np.insert(signal, 0, 0.0))
    inner = (sums[width:] - sums[:-width]) / width
    before = (len(signal) - len(inner)) // 2
    return np.pad(inner, (before, len(signal) - len(inner) - before), mode="edge")


def _peaks(signal: NDArray[np.float64], level: NDArray[np.float64], rate_hz: float) -> NDArray[np.int64]:
    """The highest sample of each stretch above a level; one within the first 150 ms may be cut off, and is left out."""
    above = np.flatnonzero(signal > level)
    stretches = np.split(above, np.flatnonzero(np.diff(above) > 1) + 1) if len(above) else []
    peaks = np.array([stretch[np.argmax(signal[stretch])] for stretch in stretches], np.int64)
    return peaks[1:] if len(peaks) and peaks[0] <= 0.15 * rate_hz else peaks

"""Stretches of equally spaced values as rows of ``waveform_chunk``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lake.quarantine import BadFile
from lake.reader import Landed
from wearables.canonical import EARLIEST, FUTURE_TOLERANCE, received_at

CHUNK_S = 300


@dataclass(frozen=True)
class Chunk:
    """Values of one signal from a moment on; NaN is no value."""

    number: int
    signal: str
    start_at: datetime
    rate_hz: float
    unit: str
    values: NDArray[np.float32]


def table(rows: Sequence[Chunk], basis: str) -> pa.Table:
    """Rows of ``waveform_chunk``; ``basis`` is what their times rest on (``tz_source``)."""
    ends = np.cumsum([0, *(len(one.values) for one in rows)])
    values = pa.array(np.concatenate([one.values for one in rows]), pa.float32(), from_pandas=True)
    return pa.table(
        {
            "record_no": pa.array([one.number for one in rows], pa.int64()),
            "signal": pa.array([one.signal for one in rows], pa.string()),
            "start_at": pa.array([one.start_at for one in rows], pa.timestamp("us")),
            "tz_source": pa.repeat(pa.scalar(basis), len(rows)),
            "rate_hz": pa.array([one.rate_hz for one in rows], pa.float64()),
            "unit": pa.array([one.unit for one in rows], pa.string()),
            "values": pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values),
        }
    )


def must_be_plausible(landed: Landed, start: datetime) -> None:
    """Refuse a recording that was never made.

    Raises:
        BadFile: it begins before 1990 or in the future.
    """
    if not EARLIEST <= start <= received_at(landed) + FUTURE_TOLERANCE:
        raise BadFile("implausible_time", "the recording begins before 1990 or in the future; check the device's clock")

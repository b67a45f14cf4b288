"""Raw files of accelerometers: ActiGraph GT3X, Axivity CWA (AX3, AX6) and GENEActiv BIN, read by actfast.

Their clocks are set to local time and name no zone. Needs the extra ``accelerometer``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lake.files import decompressed, zip_members
from lake.quarantine import BadFile
from lake.reader import Landed
from lake.sink import Sink
from wearables.waveform_chunks import CHUNK_S, Chunk, must_be_plausible, table

_CWA = b"MD\xfc\x03"
_BIN = b"Device Identity"
_GAP_NS = 1_000_000_000
"""Blocks carry a time of their own, which drifts against the nominal rate; a second without values is a gap."""
_MOST_G = 32
_SIGNALS = {"acceleration": ("acceleration", "g"), "gyroscope": ("angular_velocity", "deg/s"),
            "light": ("light", "1"), "temperature": ("device_temperature", "Cel")}  # fmt: skip


def matches(landed: Landed) -> bool:
    """True for the three formats, as they are or in gzip; never raises."""
    head = landed.head
    if landed.path.suffix in (".gz", ".zst"):
        return landed.text_head.startswith(("MD", _BIN.decode())) and landed.name.endswith((".cwa", ".bin"))
    return head.startswith((_CWA, _BIN)) or {"info.txt", "log.bin"} <= set(landed.members)


def read(landed: Landed, sink: Sink) -> None:
    """Read a recording into chunks, one for each axis; what follows a fault in the file is left out and said.

    Raises:
        BadFile: the extra is not installed, or nothing of the file can be read.
    """
    try:
        import actfast
    except ImportError:
        raise BadFile(
            "needs_extra", "install the extra `accelerometer` (pip install 'human-twin[accelerometer]')"
        ) from None
    settings = sink.settings
    path = decompressed(landed.path, sink.work / "unpacked", settings.max_file_bytes, settings.max_ratio)
    if landed.head.startswith(b"PK"):
        zip_members(path, settings.max_file_bytes, settings.max_ratio)
    try:
        found = actfast.read(str(path), lenient=True)
    except (ValueError, OSError) as error:
        raise BadFile("corrupt_recording", f"not a readable recording of an accelerometer: {error}") from None
    acceleration = [np.asarray(one["acceleration"]) for one in found["timeseries"].values() if "acceleration" in one]
    if not any(len(one) for one in acceleration) and not found["warnings"]:
        raise BadFile("no_samples", "no acceleration in it that can be read; export the recording as CSV")
    if any(len(one) and np.abs(one).max() > _MOST_G for one in acceleration):
        raise BadFile(
            "implausible_value", "accelerations beyond 32 g: the file does not name its scale; export it as CSV"
        )
    number = samples = 0
    for series in cast("list[dict[str, NDArray[Any]]]", list(found["timeseries"].values())):
        times = series["datetime"]
        if not len(times):
            continue
        must_be_plausible(landed, _moment(times[0]))
        for field, (signal, unit) in _SIGNALS.items():
            if field not in series:
                continue
            values = np.asarray(series[field], np.float32)
            axes = [signal] if values.ndim == 1 else [f"{signal}_{axis}" for axis in "xyz"]
            samples += len(times)
            columns = values.reshape(len(times), -1)
            for first, last in _runs(times):
                rows = [
                    Chunk(number + k + 1, axis, _moment(times[first]), _rate(times[first:last]), unit,
                          columns[first:last, k])
                    for k, axis in enumerate(axes)
                ]  # fmt: skip
                number += len(rows)
                sink.write("waveform_chunk", table(rows, "assumed_utc"))
    for warning in found["warnings"]:
        sink.reject("recording", "truncated", f"read up to a fault: {warning}", table="waveform_chunk")
    sink.count(samples + len(found["warnings"]), samples)
    sink.note("device", Path(found["format"]).name)


def _moment(nanoseconds: np.int64) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=int(nanoseconds) // 1000)


def _rate(times: NDArray[np.int64]) -> float:
    """Values a second, as the stretch itself has them; a single value stands for a second."""
    span = int(times[-1]) - int(times[0])
    return round((len(times) - 1) * 1e9 / span, 6) if span > 0 else 1.0


def _runs(times: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Stretches without a gap, of at most a chunk."""
    steps = np.diff(times)
    usual = int(np.median(steps)) if len(steps) else _GAP_NS
    breaks = np.flatnonzero((steps < 0) | (steps > max(_GAP_NS, 3 * usual))) + 1
    most = max(1, int(CHUNK_S * 1e9 // max(usual, 1)))
    return [
        (first, min(first + most, stop))
        for start, stop in pairwise([0, *breaks.tolist(), len(times)])
        for first in range(start, stop, most)
    ]

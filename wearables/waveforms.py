"""Waveforms as chunks of at most five minutes: EDF and EDF+ recordings, and sessions of the Empatica E4.

EDF: Kemp et al., Electroencephalogr Clin Neurophysiol 1992;82:391; EDF+: Kemp and Olivan, Clin Neurophysiol
2003;114:1755
(edfplus.info). Sixteen-bit numbers become physical ones by the ranges that the header declares; a discontinuous
recording
(EDF+D) starts a new chunk at every gap. E4: support.empatica.com, "data export": the first line of a file is when it
began
(seconds since 1970), the second is its rate, then one value a line; acceleration is in 1/64 g.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lake.files import decompressed, open_member, zip_members
from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink
from wearables import accelerometer, physionet
from wearables.canonical import deliver
from wearables.tables import WAVEFORM_CHUNK, WEARABLE_SAMPLE
from wearables.waveform_chunks import CHUNK_S, Chunk, must_be_plausible, table

_EDF = b"0       "
_ANNOTATIONS = "EDF Annotations"
_ONSET = re.compile(rb"([+-][0-9]+(?:\.[0-9]+)?)\x14\x14\x00")
_MOST_SIGNALS = 512
_OTHERS = (accelerometer, physionet)
_E4 = {
    "TEMP.csv": ("skin_temperature", "Cel", 1.0),
    "EDA.csv": ("electrodermal_activity", "uS", 1.0),
    "BVP.csv": ("blood_volume_pulse", "1", 1.0),
    "ACC.csv": ("acceleration", "g", 1 / 64),
}


@dataclass(frozen=True)
class _Signal:
    """A signal of an EDF header: where it lies in a data record, and what a number of it means."""

    label: str
    unit: str
    first: int
    samples: int
    factor: float
    shift: float


@dataclass(frozen=True)
class _Header:
    """An EDF header."""

    start_at: datetime
    bytes: int
    record_s: float
    record_samples: int
    records: int
    is_gapped: bool
    signals: tuple[_Signal, ...]
    annotations: tuple[int, int] | None
    """First sample and number of samples of the annotations in a data record."""


def matches(landed: Landed) -> bool:
    """True for an EDF header, a zip with files of the E4, and what other libraries read; never raises."""
    return _is_ours(landed) or any(one.matches(landed) for one in _OTHERS)


def _is_ours(landed: Landed) -> bool:
    if landed.head.startswith(_EDF) and len(landed.head) >= 256:
        return landed.head[168:184].count(b".") == 4
    return {"BVP.csv", "EDA.csv", "ACC.csv"} <= {name.rpartition("/")[2] for name in landed.members}


def read(landed: Landed, sink: Sink) -> None:
    """Read a recording into chunks, and the E4's heart rates into samples.

    Raises:
        BadFile: the header cannot be read, or is of a recording that was never made.
    """
    settings = sink.settings
    other = None if _is_ours(landed) else next((one for one in _OTHERS if one.matches(landed)), None)
    if other is not None:
        other.read(landed, sink)
    elif landed.head.startswith(_EDF):
        _edf(
            landed, decompressed(landed.path, sink.work / "unpacked", settings.max_file_bytes, settings.max_ratio), sink
        )
    else:
        _e4(landed, sink)


READER = Reader(
    name="waveform",
    description="Waveforms as chunks of five minutes: EDF and EDF+, sessions of the Empatica E4 (zip); with extras"
    " GT3X, CWA and BIN of accelerometers, and WFDB records (zip).",
    tables=(WAVEFORM_CHUNK, WEARABLE_SAMPLE),
    matches=matches,
    read=read,
)


def _edf(landed: Landed, path: Path, sink: Sink) -> None:
    with path.open("rb") as file:
        header = _header(file, path.stat().st_size)
    must_be_plausible(landed, header.start_at)
    found = (path.stat().st_size - header.bytes) // (2 * header.record_samples)
    whole = min(found, header.records) if header.records >= 0 else found
    data = np.memmap(path, "<i2", "r", header.bytes, (whole, header.record_samples)) if whole else None
    number = 0
    if data is not None:
        onsets = _onsets(data, header)
        for first, last in _runs(onsets, header.record_s):
            at = header.start_at + timedelta(seconds=float(onsets[first]))
            rows = []
            for signal in header.signals:
                number += 1
                part = data[first:last, signal.first : signal.first + signal.samples].ravel()
                values = part.astype(np.float32) * np.float32(signal.factor) + np.float32(signal.shift)
                rows.append(Chunk(number, signal.label, at, signal.samples / header.record_s, signal.unit, values))
            if rows:
                sink.write("waveform_chunk", table(rows, "assumed_utc"))
    missing = max(header.records, 0) - whole
    if missing > 0:
        detail = f"the file ends {missing:,} data records before its header says; copy it again"
        sink.reject(f"data record {whole + 1}", "truncated", detail, record_no=whole + 1, table="waveform_chunk")
    sink.count(whole + (missing > 0), whole)


def _header(file: IO[bytes], size: int) -> _Header:
    fixed = file.read(256)

    def text(start: int, length: int) -> str:
        return fixed[start : start + length].decode("ascii", "replace").strip()

    try:
        number = int(text(252, 4))
        if not 0 < number <= _MOST_SIGNALS:
            raise ValueError
        raw = file.read(256 * number).decode("latin-1")
        if len(raw) < 256 * number:
            raise ValueError
        fields, place = [], 0
        for width in (16, 80, 8, 8, 8, 8, 8, 80, 8, 32):
            fields.append([raw[place + k * width : place + (k + 1) * width].strip() for k in range(number)])
            place += width * number
        labels, _, units, low, high, digital_low, digital_high, _, samples, _ = fields
        day, month, year = (int(part) for part in text(168, 8).split("."))
        hour, minute, second = (int(part) for part in text(176, 8).split("."))
        start = datetime(1900 + year if year >= 85 else 2000 + year, month, day, hour, minute, second)
        record_s, records, length = float(text(244, 8)), int(text(236, 8)), int(text(184, 8))
        counts = [int(one) for one in samples]
        if record_s <= 0 or min(counts) <= 0 or length != 256 * (number + 1) or length > size:
            raise ValueError
        signals, annotations, first = [], None, 0
        for k, label in enumerate(labels):
            if label == _ANNOTATIONS:
                annotations = annotations or (first, counts[k])
            else:
                factor = (float(high[k]) - float(low[k])) / (int(digital_high[k]) - int(digital_low[k]))
                shift = float(low[k]) - factor * int(digital_low[k])
                signals.append(_Signal(label, units[k], first, counts[k], factor, shift))
            first += counts[k]
    except (ValueError, ZeroDivisionError):
        raise BadFile("corrupt_edf", "the header is not that of an EDF recording; export it again") from None
    return _Header(
        start, length, record_s, first, records, text(192, 44).startswith("EDF+D"), tuple(signals), annotations
    )


def _onsets(data: NDArray[np.int16], header: _Header) -> NDArray[np.float64]:
    """Seconds after the start at which each data record begins."""
    onsets = np.arange(len(data), dtype=np.float64) * header.record_s
    if header.is_gapped and header.annotations is not None:
        first, length = header.annotations
        for number in range(len(data)):
            found = _ONSET.match(data[number, first : first + length].tobytes())
            if found is None:
                raise BadFile("corrupt_edf", f"data record {number + 1} does not say when it begins")
            onsets[number] = float(found.group(1))
    return onsets


def _runs(onsets: NDArray[np.float64], record_s: float) -> Iterator[tuple[int, int]]:
    """Data records that follow one another without a gap, in portions of a chunk."""
    most = max(1, int(CHUNK_S / record_s))
    breaks = np.flatnonzero(np.abs(np.diff(onsets) - record_s) > record_s / 1000) + 1
    edges = [0, *breaks.tolist(), len(onsets)]
    for start, stop in pairwise(edges):
        for first in range(start, stop, most):
            yield first, min(first + most, stop)


def _e4(landed: Landed, sink: Sink) -> None:
    settings = sink.settings
    members = zip_members(landed.path, settings.max_file_bytes, settings.max_ratio)
    number = 0
    for member in sorted(members, key=lambda one: one.filename):
        name = member.filename.rpartition("/")[2]
        if name not in (*_E4, "HR.csv"):
            if name.endswith(".csv"):
                sink.count(1, 0, {name: 1})
            continue
        with open_member(landed.path, member) as stream:
            start, rate, values = _session(stream, name)
        must_be_plausible(landed, start)
        if name == "HR.csv":
            _heart_rates(landed, sink, start, rate, values[:, 0])
            continue
        signal, unit, factor = _E4[name]
        step = max(1, int(CHUNK_S * rate))
        for first in range(0, len(values), step):
            at = start + timedelta(seconds=first / rate)
            axes = [signal] if values.shape[1] == 1 else [f"{signal}_{axis}" for axis in "xyz"[: values.shape[1]]]
            rows = [
                Chunk(
                    number + k + 1, axis, at, rate, unit, (values[first : first + step, k] * factor).astype(np.float32)
                )
                for k, axis in enumerate(axes)
            ]
            number += len(rows)
            sink.write("waveform_chunk", table(rows, "vendor_utc"))
        sink.count(len(values), len(values))


def _session(stream: IO[bytes], name: str) -> tuple[datetime, float, NDArray[np.float64]]:
    try:
        start = float(stream.readline().split(b",")[0])
        rate = float(stream.readline().split(b",")[0])
        values = np.loadtxt(stream, delimiter=",", ndmin=2)
        return datetime(1970, 1, 1) + timedelta(seconds=start), rate, values if rate > 0 else values[:0]
    except (ValueError, OverflowError):
        raise BadFile("wrong_shape", f"{name}: expected a start, a rate, then numbers, one line each") from None


def _heart_rates(landed: Landed, sink: Sink, start: datetime, rate: float, values: NDArray[np.float64]) -> None:
    sink.connection.register("heart_rates", pa.table({"record_no": np.arange(1, len(values) + 1), "value_src": values}))
    at = f"timestamp '{start}' + to_microseconds(cast((record_no - 1) * {1e6 / rate!r} as bigint))"
    deliver(
        [landed],
        sink,
        f"""
        select record_no, 'HR.csv' as kind, 'heart_rate' as metric, {at} as start_at, {at} as end_at,
            'vendor_utc' as tz_source, value_src, 'bpm' as unit_src, 'device' as source_type,
            'Empatica E4' as source_app, false as is_user_entered
        from heart_rates
        """,
        unit="line",
        one_row_per_record=True,
    )

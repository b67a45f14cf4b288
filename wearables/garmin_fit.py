"""FIT files of Garmin and others: activities, monitoring, weight scales, blood pressure, sleep.

An activity's records are read in columns (``fit_records``), everything else with fitdecode, message by message: a FIT
file is one session or day of one person, not growing data. A file whose checksum, header or length is wrong is refused
whole, also when it is the later part of a chain. A field that the device did not know is absent, never zero. Positions
are not read: raw tracks are not kept.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lake.files import decompressed
from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink
from lake.tables import UTC_TIME
from wearables import fit_records
from wearables.canonical import DETAILS, EARLIEST, FUTURE_TOLERANCE, deliver, received_at, type_name
from wearables.tables import WEARABLE_SAMPLE, WEARABLE_WORKOUT

FIT_EPOCH = datetime(1989, 12, 31)
"""Zero of FIT's date_time (FIT protocol, section 3.3)."""
FIT_EPOCH_S = (FIT_EPOCH - datetime(1970, 1, 1)).total_seconds()

INSTANTS: dict[str, tuple[tuple[str, tuple[str, ...], str], ...]] = {
    # message -> (metric, fields in order of preference, unit of the FIT profile)
    "record": (
        ("heart_rate", ("heart_rate",), "bpm"),
        ("speed", ("enhanced_speed", "speed"), "m/s"),
        ("session_distance", ("distance",), "m"),
        ("altitude", ("enhanced_altitude", "altitude"), "m"),
        ("ambient_temperature", ("temperature",), "C"),
        ("cadence", ("cadence",), "rpm"),
        ("power", ("power",), "watts"),
        ("respiratory_rate", ("enhanced_respiration_rate", "respiration_rate"), "breaths/min"),
    ),
    "weight_scale": (("body_weight", ("weight",), "kg"), ("body_fat_percentage", ("percent_fat",), "%")),
    "blood_pressure": (
        ("systolic_bp", ("systolic_pressure",), "mmHg"),
        ("diastolic_bp", ("diastolic_pressure",), "mmHg"),
        ("heart_rate", ("heart_rate",), "bpm"),
    ),
    "monitoring_hr_data": (("resting_heart_rate", ("resting_heart_rate",), "bpm"),),
    "spo2_data": (("oxygen_saturation", ("reading_spo2",), "%"),),
    "respiration_rate": (("respiratory_rate", ("respiration_rate",), "breaths/min"),),
}

_LEVELS = (("awake", 1, "awake"), ("light", 2, "core"), ("deep", 3, "deep"), ("rem", 4, "rem"))
SLEEP_LEVEL: dict[object, str] = {key: stage for name, code, stage in _LEVELS for key in (name, code)}
WALKING = ("walking", "running")


@dataclass
class _Found:
    """What the messages of one file became."""

    record_no: list[int] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    metric: list[str | None] = field(default_factory=list)
    start_at: list[datetime | None] = field(default_factory=list)
    end_at: list[datetime | None] = field(default_factory=list)
    value_src: list[float | None] = field(default_factory=list)
    value_text: list[str | None] = field(default_factory=list)
    unit_src: list[str | None] = field(default_factory=list)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    offset_min: int | None = None
    device: str | None = None
    product: str | None = None

    def add(
        self,
        number: int,
        kind: str,
        metric: str | None = None,
        span: tuple[datetime | None, datetime | None] = (None, None),
        *,
        value: float | None = None,
        unit: str | None = None,
        text: str | None = None,
    ) -> None:
        self.record_no.append(number)
        self.kind.append(kind)
        self.metric.append(metric)
        self.start_at.append(span[0])
        self.end_at.append(span[1])
        self.value_src.append(value)
        self.value_text.append(text)
        self.unit_src.append(unit)


def matches(landed: Landed) -> bool:
    """True for the FIT header's signature, or for a name that promises FIT."""
    return landed.head[8:12] == b".FIT" or landed.name.endswith(".fit")


def read(landed: Landed, sink: Sink) -> None:
    """Read a FIT file into samples and workouts."""
    path = decompressed(landed.path, sink.work / "unpacked", sink.settings.max_file_bytes, sink.settings.max_ratio)
    scanned = fit_records.scan(path.read_bytes())
    found = _decode(path) if scanned is None else _decode_rest(scanned)
    rows = pa.table(
        {
            "record_no": pa.array(found.record_no, pa.int64()),
            "kind": pa.array(found.kind, pa.string()),
            "metric": pa.array(found.metric, pa.string()),
            "start_at": pa.array(found.start_at, UTC_TIME),
            "end_at": pa.array(found.end_at, UTC_TIME),
            "value_src": pa.array(found.value_src, pa.float64()),
            "value_text": pa.array(found.value_text, pa.string()),
            "unit_src": pa.array(found.unit_src, pa.string()),
        }
    )
    if scanned is not None:
        rows = pa.concat_tables([rows, _record_rows(scanned).select(rows.column_names)])
    sink.connection.register("fit_row", rows)
    sink.connection.register(
        "fit_device",
        pa.table(
            {
                "utc_offset_min": pa.array([found.offset_min], pa.int64()),
                "device_name": pa.array([found.device], pa.string()),
                "device_model": pa.array([found.product], pa.string()),
            }
        ),
    )
    deliver(
        [landed],
        sink,
        """
        select
            fit_row.*,
            fit_device.*,
            case when fit_device.utc_offset_min is null then 'vendor_utc' else 'vendor_offset' end as tz_source,
            'device' as source_type,
            'FIT' as source_app,
            false as is_user_entered,
            concat_ws(' | ', kind, metric, start_at, value_src) as record_text
        from fit_row cross join fit_device
        """,
        unit="message",
    )
    if found.ignored:
        sink.count(found.ignored.total(), 0, {type_name(kind): number for kind, number in found.ignored.items()})
    _workouts(landed, sink, found)


READER = Reader(
    name="garmin_fit",
    description="FIT files (Garmin and others): activities, monitoring, weight scale, blood pressure, sleep.",
    tables=(WEARABLE_SAMPLE, WEARABLE_WORKOUT),
    matches=matches,
    read=read,
)


def _decode(path: Path) -> _Found:
    return _messages(str(path), count_from=None)


def _decode_rest(scanned: fit_records.Scan) -> _Found:
    """What an activity holds besides its records."""
    found = _messages(io.BytesIO(scanned.rest), count_from=scanned.rest_ordinals)
    from fitdecode import profile

    for number, count in sorted(scanned.ignored.items()):
        known = profile.MESSAGE_TYPES.get(number)
        found.ignored[known.name if known else f"unknown_{number}"] += count
    return found


def _messages(source: str | IO[bytes], count_from: Sequence[int] | None) -> _Found:
    """Decode messages one by one; ``count_from`` numbers them where they are a part of a file whose checksums hold."""
    import fitdecode

    found = _Found()
    state = _Monitoring()
    number = seen = 0
    check = fitdecode.CrcCheck.RAISE if count_from is None else fitdecode.CrcCheck.DISABLED
    try:
        with fitdecode.FitReader(source, check_crc=check, error_handling=fitdecode.ErrorHandling.RAISE) as reader:
            for frame in reader:
                if frame.frame_type == fitdecode.FIT_FRAME_DATA:
                    number = seen + 1 if count_from is None else count_from[seen]
                    seen += 1
                    _message(found, state, number, frame)
    except fitdecode.FitError as error:
        raise BadFile("corrupt_fit", f"{type(error).__name__} after {number} messages; copy the file again") from None
    except Exception as error:  # damaged bytes break the decoder in ways of its own
        raise BadFile("corrupt_fit", f"{type(error).__name__} while decoding message {number + 1}") from None
    if state.sleep is not None:
        found.add(state.sleep[0], "sleep_level without an end")
    if seen == 0 and count_from is None:
        raise BadFile("empty_file", "the file holds no FIT message")
    return found


def _record_rows(scanned: fit_records.Scan) -> pa.Table:
    """The rows of all record messages: one per value that the device knew, one without a metric where it knew none."""
    microseconds = (scanned.seconds + FIT_EPOCH_S) * 1e6
    at = pa.array(np.nan_to_num(microseconds).astype(np.int64), mask=np.isnan(microseconds)).cast(UTC_TIME)
    tables, has_value = [], np.zeros(len(scanned.ordinal), np.bool_)
    for metric, fields, unit in INSTANTS["record"]:
        value = np.full(len(scanned.ordinal), np.nan)
        for name in fields:
            value = np.where(np.isnan(value), scanned.values.get(name, np.nan), value)
        rows = np.flatnonzero(~np.isnan(value))
        has_value[rows] = True
        tables.append(_rows(scanned.ordinal[rows], "record", metric, at.take(pa.array(rows)), value[rows], unit))
    rows = np.flatnonzero(~has_value)
    none = pa.nulls(len(rows), UTC_TIME)
    tables.append(_rows(scanned.ordinal[rows], "record without a value", None, none, None, None))
    return pa.concat_tables(tables)


def _rows(
    number: NDArray[np.int64],
    kind: str,
    metric: str | None,
    at: pa.Array,
    value: NDArray[np.float64] | None,
    unit: str | None,
) -> pa.Table:
    count = len(number)

    def same(text: str | None) -> pa.Array:
        return pa.repeat(pa.scalar(text, pa.string()), count)

    return pa.table(
        {
            "record_no": pa.array(number, pa.int64()),
            "kind": same(kind),
            "metric": same(metric),
            "start_at": at,
            "end_at": at,
            "value_src": pa.nulls(count, pa.float64()) if value is None else pa.array(value),
            "value_text": same(None),
            "unit_src": same(unit),
        }
    )


@dataclass
class _Monitoring:
    """Running state of monitoring messages: short time stamps and cumulative cycles count from the message before."""

    seconds: int | None = None
    counted: dict[str, tuple[float, datetime]] = field(default_factory=dict)
    started: datetime | None = None
    sleep: tuple[int, datetime, str] | None = None


def _message(found: _Found, state: _Monitoring, number: int, message: Any) -> None:
    name = message.name
    at = _time(message.get_value("timestamp", fallback=None))
    if at is not None:
        state.seconds = int((at - FIT_EPOCH).total_seconds())
    if name in INSTANTS:
        rows = [
            (metric, value, unit)
            for metric, fields, unit in INSTANTS[name]
            if (value := _number(message, fields)) is not None
        ]
        for metric, value, unit in rows:
            found.add(number, name, metric, (at, at), value=value, unit=unit)
        if not rows:
            found.add(number, f"{name} without a value")
    elif name == "monitoring":
        _monitoring(found, state, number, message, at)
    elif name == "sleep_level":
        _sleep(found, state, number, message, at)
    elif name == "session":
        found.sessions.append(_session(number, message, at))
    else:
        _context(found, state, message, name, at)
        found.add(number, name)


def _monitoring(found: _Found, state: _Monitoring, number: int, message: Any, at: datetime | None) -> None:
    short = message.get_value("timestamp_16", fallback=None)
    if at is None and isinstance(short, int) and state.seconds is not None:
        # FIT cookbook: the low 16 bits of the time, counted on from the last full stamp
        state.seconds += (short - (state.seconds & 0xFFFF)) & 0xFFFF
        at = FIT_EPOCH + timedelta(seconds=state.seconds)
    rate = _number(message, ("heart_rate",))
    steps, cycles = _number(message, ("steps",)), _number(message, ("cycles",))
    total = steps if steps is not None or cycles is None else cycles * 2  # a cycle of walking is two steps
    activity = message.get_value("activity_type", fallback=None)
    if rate is not None and rate > 0:
        found.add(number, "monitoring", "heart_rate", (at, at), value=rate, unit="bpm")
    elif activity in WALKING and at is not None and total is not None:
        # the count of each activity runs on since the monitoring began
        before, since = state.counted.get(activity, (0.0, state.started or at))
        gained = total - before if total >= before else total
        if gained == 0:  # the total again, as at the end of a day
            found.add(number, "monitoring without a value")
        else:
            found.add(
                number, "monitoring", "step_count", (min(since, at), at), value=gained, unit="steps", text=activity
            )
        state.counted[activity] = (total, at)
    else:
        found.add(number, "monitoring without a value")


def _sleep(found: _Found, state: _Monitoring, number: int, message: Any, at: datetime | None) -> None:
    """A level holds until the next one; the last has no end and is ignored."""
    if state.sleep is not None:
        before, since, level = state.sleep
        found.add(before, "sleep_level", "sleep_stage", (since, at), text=level)
        state.sleep = None
    stage = SLEEP_LEVEL.get(message.get_value("sleep_level", fallback=None))
    if at is not None and stage is not None:
        state.sleep = (number, at, stage)
    else:
        found.add(number, "sleep_level without a value")


def _session(number: int, message: Any, at: datetime | None) -> dict[str, Any]:
    start = _time(message.get_value("start_time", fallback=None))
    elapsed = _number(message, ("total_elapsed_time",))
    end = start + timedelta(seconds=elapsed) if start is not None and elapsed is not None else at
    sport = message.get_value("sport", fallback=None)
    return {
        "record_no": number,
        "activity": str(sport) if sport is not None else None,
        "start_at": start,
        "end_at": end,
        "duration_s": _number(message, ("total_timer_time", "total_elapsed_time")),
        "distance_m": _number(message, ("total_distance",)),
        "energy_kcal": _number(message, ("total_calories",)),
    }


def _context(found: _Found, state: _Monitoring, message: Any, name: str, at: datetime | None) -> None:
    if name == "file_id":
        maker = message.get_value("manufacturer", fallback=None)
        product = message.get_value("garmin_product", fallback=None) or message.get_value("product", fallback=None)
        found.device = str(maker) if maker is not None else None
        found.product = str(product) if product is not None else None
    elif name in ("activity", "monitoring_info"):
        local = _time(message.get_value("local_timestamp", fallback=None))
        if local is not None and at is not None and abs(local - at) <= timedelta(hours=15):
            found.offset_min = round((local - at).total_seconds() / 60)
        if name == "monitoring_info":
            state.started = at


def _workouts(landed: Landed, sink: Sink, found: _Found) -> None:
    latest = received_at(landed) + FUTURE_TOLERANCE
    good: list[dict[str, Any]] = []
    for session in found.sessions:
        start, end = session["start_at"], session["end_at"]
        problem = None
        if start is None or end is None:
            problem = "invalid_time"
        elif start < EARLIEST or end > latest:
            problem = "implausible_time"
        elif end < start:
            problem = "end_before_start"
        if problem:
            number = session["record_no"]
            sink.reject(f"message {number}", problem, DETAILS[problem], record_no=number, table="wearable_workout")
        else:
            zone = "vendor_utc" if found.offset_min is None else "vendor_offset"
            good.append(
                session
                | {
                    "utc_offset_min": found.offset_min,
                    "time_zone": None,
                    "tz_source": zone,
                    "device_name": found.device,
                    "source_app": "FIT",
                }
            )
    if good:
        sink.write("wearable_workout", pa.Table.from_pylist(good, schema=WEARABLE_WORKOUT.schema))
    sink.count(len(found.sessions), len(good))


def _time(value: object) -> datetime | None:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else None


def _number(message: Any, names: tuple[str, ...]) -> float | None:
    for name in names:
        value = message.get_value(name, fallback=None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None

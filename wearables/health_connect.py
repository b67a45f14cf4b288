"""Health Connect export (Android): a zip with one SQLite database, or the database itself.

The schema is that of Android's Health Connect module (AOSP, ``com.android.server.healthconnect.storage``): instants
carry
``time``, intervals ``start_time`` and ``end_time`` in milliseconds, each with the local clock's offset in seconds;
series
(heart rate, speed) keep their readings in a second table. Units are the module's own: grams, metres, small calories,
mmol/L.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lake.files import open_member, unpack_member, zip_members
from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink
from wearables.canonical import deliver
from wearables.tables import WEARABLE_SAMPLE

_SQLITE = b"SQLite format 3\x00"
_PORTION = 50_000


@dataclass(frozen=True)
class _Record:
    """A table of records and what its value is."""

    table: str
    column: str
    metric: str
    unit: str


INSTANTS = (
    _Record("resting_heart_rate_record_table", "beats_per_minute", "resting_heart_rate", "bpm"),
    _Record("heart_rate_variability_rmssd_record_table", "heart_rate_variability_millis", "hrv_rmssd", "ms"),
    _Record("oxygen_saturation_record_table", "percentage", "oxygen_saturation", "%"),
    _Record("respiratory_rate_record_table", "rate", "respiratory_rate", "brpm"),
    _Record("body_temperature_record_table", "temperature", "body_temperature", "Cel"),
    _Record("blood_glucose_record_table", "level", "glucose", "mmol/L"),
    _Record("blood_pressure_record_table", "systolic", "systolic_bp", "mmHg"),
    _Record("blood_pressure_record_table", "diastolic", "diastolic_bp", "mmHg"),
    _Record("weight_record_table", "weight", "body_weight", "g"),
    _Record("height_record_table", "height", "body_height", "m"),
    _Record("body_fat_record_table", "percentage", "body_fat_percentage", "%"),
    _Record("vo2_max_record_table", "vo2_milliliters_per_minute_kilogram", "vo2_max", "mL/min/kg"),
)
INTERVALS = (
    _Record("steps_record_table", "count", "step_count", "count"),
    _Record("distance_record_table", "distance", "distance", "m"),
    _Record("active_calories_burned_record_table", "energy", "active_energy", "cal"),
    _Record("total_calories_burned_record_table", "energy", "total_energy", "cal"),
    _Record("floors_climbed_record_table", "floors", "flights_climbed", "count"),
)
SERIES = (
    ("heart_rate_record_table", _Record("heart_rate_record_series_table", "beats_per_minute", "heart_rate", "bpm")),
    ("SpeedRecordTable", _Record("speed_record_table", "speed", "speed", "m/s")),
)
STAGES = {1: "awake", 2: "asleep", 3: "awake", 4: "core", 5: "deep", 6: "rem", 7: "awake"}
"""``SleepSessionRecord.StageType``: awake, sleeping, out of bed, light, deep, rem, awake in bed; 0 is unknown."""


def matches(landed: Landed) -> bool:
    """True for a SQLite database with Health Connect's tables, or a zip with one; never raises."""
    if landed.head.startswith(_SQLITE):
        return b"_record_table" in landed.head
    return any(name.rpartition("/")[2].startswith("health_connect") for name in landed.members)


def read(landed: Landed, sink: Sink) -> None:
    """Read an export into samples; tables that are no metric of ours are counted as ignored.

    Raises:
        BadFile: no database in the zip, or one that cannot be read.
    """
    path = _database(landed, sink)
    sink.connection.execute("""
        create or replace temp table health_record (
            record_no bigint, kind varchar, metric varchar, start_ms bigint, end_ms bigint, offset_s bigint,
            value_src double, value_text varchar, unit_src varchar, app varchar, changed_ms bigint)
    """)
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("pragma trusted_schema = off")
            database.execute("pragma cell_size_check = on")
            for rows in _records(database):
                sink.connection.register("portion", rows)
                sink.connection.execute("insert into health_record select * from portion")
                sink.connection.unregister("portion")
    except sqlite3.DatabaseError as error:
        raise BadFile("corrupt_sqlite", f"the database cannot be read: {error}; export it again") from None
    deliver(
        [landed],
        sink,
        """
        select
            record_no,
            kind,
            metric,
            case when start_ms between 0 and 4102444800000 then epoch_ms(start_ms) end as start_at,
            case when end_ms between 0 and 4102444800000 then epoch_ms(end_ms) end as end_at,
            offset_s // 60 as utc_offset_min,
            case when offset_s is null then 'vendor_utc' else 'vendor_offset' end as tz_source,
            value_src,
            value_text,
            unit_src,
            'app' as source_type,
            app as source_app,
            case when changed_ms between 0 and 4102444800000 then epoch_ms(changed_ms) end as recorded_at
        from health_record
        """,
        unit="record",
    )


READER = Reader(
    name="health_connect",
    description="Health Connect export of Android: health_connect_export.zip, or the SQLite database in it.",
    tables=(WEARABLE_SAMPLE,),
    matches=matches,
    read=read,
)


def _database(landed: Landed, sink: Sink) -> Path:
    if landed.head.startswith(_SQLITE):
        return landed.path
    settings = sink.settings
    members = zip_members(landed.path, settings.max_file_bytes, settings.max_ratio)
    target = sink.work / "health_connect.db"
    for member in members:
        with open_member(landed.path, member) as stream:
            if stream.read(len(_SQLITE)) != _SQLITE:
                continue
        unpack_member(landed.path, member, target)
        return target
    raise BadFile("wrong_shape", "the zip holds no SQLite database; export from Health Connect again")


def _records(database: sqlite3.Connection) -> Iterator[pa.Table]:
    """Rows of ``health_record``. A blood pressure is one record with two values; its rows have one number."""
    tables = {name: _columns(database, name) for (name,) in database.execute(
        "select name from sqlite_master where type = 'table'").fetchall()}  # fmt: skip
    if not any(name.endswith("_record_table") for name in tables):
        raise BadFile("wrong_shape", "no table of Health Connect is in the database")
    apps = (
        "application_info_table"
        if "application_info_table" in tables
        else "(select null as row_id, null as package_name)"
    )
    number, read = 0, set[str]()
    for record in (*INSTANTS, *INTERVALS):
        if record.column not in tables.get(record.table, ()):
            continue
        is_instant = record in INSTANTS
        start, end, offset = (
            ("time", "time", "zone_offset") if is_instant else ("start_time", "end_time", "start_zone_offset")
        )
        first = number - _count(database, record.table) if record.metric == "diastolic_bp" else number
        yield from _portions(
            database,
            first,
            record.metric,
            record.unit,
            f"""
            select r.{start}, r.{end}, r.{offset}, r.{record.column}, null, a.package_name, r.last_modified_time
            from {record.table} as r left join {apps} as a on a.row_id = r.app_info_id order by r.row_id""",
        )
        number = first + _count(database, record.table)
        read.add(record.table)
    for parent, record in SERIES:
        if parent in tables and record.column in tables.get(record.table, ()):
            yield from _portions(
                database,
                number,
                record.metric,
                record.unit,
                f"""
                select s.epoch_millis, s.epoch_millis, r.start_zone_offset, s.{record.column}, null, a.package_name,
                    r.last_modified_time
                from {record.table} as s left join {parent} as r on r.row_id = s.parent_key
                left join {apps} as a on a.row_id = r.app_info_id order by s.parent_key, s.epoch_millis""",
            )
            number += _count(database, record.table)
            read |= {record.table, parent}
    if "sleep_stages_table" in tables and "sleep_session_record_table" in tables:
        stages = " ".join(f"when {code} then '{name}'" for code, name in STAGES.items())
        yield from _portions(
            database,
            number,
            "sleep_stage",
            None,
            f"""
            select s.stage_start_time, s.stage_end_time, r.start_zone_offset, null, case s.stage_type {stages} end,
                a.package_name, r.last_modified_time
            from sleep_stages_table as s left join sleep_session_record_table as r on r.row_id = s.parent_key
            left join {apps} as a on a.row_id = r.app_info_id order by s.parent_key, s.stage_start_time""",
        )
        number += _count(database, "sleep_stages_table")
        read |= {"sleep_stages_table", "sleep_session_record_table"}
    for name in sorted(set(tables) - read):
        if name.lower().endswith(("record_table", "recordtable")):
            yield from _portions(
                database, number, None, None, f"select null, null, null, null, null, null, null from {name}", name
            )
            number += _count(database, name)


def _portions(
    database: sqlite3.Connection, number: int, metric: str | None, unit: str | None, query: str, kind: str | None = None
) -> Iterator[pa.Table]:
    cursor = database.execute(query)
    while rows := cursor.fetchmany(_PORTION):
        start, end, offset, value, text, app, changed = zip(*rows, strict=True)
        size = len(rows)
        yield pa.table(
            {
                "record_no": pa.array(range(number + 1, number + size + 1), pa.int64()),
                "kind": pa.repeat(pa.scalar(kind or metric, pa.string()), size),
                "metric": pa.repeat(pa.scalar(metric, pa.string()), size),
                "start_ms": _whole(start),
                "end_ms": _whole(end),
                "offset_s": _whole(offset),
                "value_src": pa.array([one if isinstance(one, int | float) else None for one in value], pa.float64()),
                "value_text": pa.array([one if isinstance(one, str) else None for one in text], pa.string()),
                "unit_src": pa.repeat(pa.scalar(unit, pa.string()), size),
                "app": pa.array([one if isinstance(one, str) else None for one in app], pa.string()),
                "changed_ms": _whole(changed),
            }
        )
        number += size


def _whole(values: tuple[object, ...]) -> pa.Array:
    """SQLite columns hold what was put there, whatever they declare."""
    return pa.array([one if isinstance(one, int) else None for one in values], pa.int64())


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    quoted = table.replace('"', '""')
    return {row[1] for row in database.execute(f'pragma table_info("{quoted}")').fetchall()}


def _count(database: sqlite3.Connection, table: str) -> int:
    return int(database.execute(f'select count(*) from "{table}"').fetchone()[0])

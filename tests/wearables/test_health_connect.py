"""Health Connect: databases written here with the tables of Android's module (AOSP)."""

from __future__ import annotations

import io
import sqlite3
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from lake.quarantine import BadFile
from tests.wearables.conftest import ReadFile

NOON = 1_711_875_600_000  # 2024-03-31T09:00Z
COMMON = "row_id integer primary key, app_info_id, last_modified_time"
INTERVAL = f"{COMMON}, start_time, start_zone_offset, end_time, end_zone_offset"
INSTANT = f"{COMMON}, time, zone_offset"


def export(path: Path) -> bytes:
    database = sqlite3.connect(path)
    database.executescript(f"""
        create table application_info_table (row_id integer primary key, package_name text);
        insert into application_info_table values (1, 'com.fitbit.FitbitMobile');
        create table steps_record_table ({INTERVAL}, count integer);
        insert into steps_record_table values (1, 1, {NOON + 60000}, {NOON}, 7200, {NOON + 60000}, 7200, 120),
            (2, 1, {NOON}, {NOON}, 7200, {NOON - 1}, 7200, 5), (3, 1, {NOON}, 'never', 7200, {NOON}, 7200, 5);
        create table total_calories_burned_record_table ({INTERVAL}, energy real);
        insert into total_calories_burned_record_table values (1, 1, {NOON}, {NOON}, 7200, {NOON + 60000}, 7200,
        749366.5);
        create table weight_record_table ({INSTANT}, weight real);
        insert into weight_record_table values (1, 1, {NOON}, {NOON}, 7200, 64000);
        create table blood_glucose_record_table ({INSTANT}, level real);
        insert into blood_glucose_record_table values (1, 1, {NOON}, {NOON}, 7200, 5.5);
        create table blood_pressure_record_table ({INSTANT}, systolic real, diastolic real);
        insert into blood_pressure_record_table values (1, 1, {NOON}, {NOON}, 7200, 125, 68);
        create table heart_rate_record_table ({INTERVAL});
        insert into heart_rate_record_table values (1, 1, {NOON}, {NOON}, 7200, {NOON}, 7200);
        create table heart_rate_record_series_table (parent_key integer, beats_per_minute integer, epoch_millis
        integer);
        insert into heart_rate_record_series_table values (1, 76, {NOON}), (1, 78, {NOON + 1000});
        create table sleep_session_record_table ({INTERVAL}, title text);
        insert into sleep_session_record_table values (1, 1, {NOON}, {NOON - 7200000}, 7200, {NOON}, 7200, 'night');
        create table sleep_stages_table (parent_key integer, stage_start_time integer, stage_end_time integer,
        stage_type integer);
        insert into sleep_stages_table values (1, {NOON - 7200000}, {NOON - 3600000}, 5), (1, {NOON - 3600000},
        {NOON}, 0);
        create table hydration_record_table ({INTERVAL}, volume real);
        insert into hydration_record_table values (1, 1, {NOON}, {NOON}, 7200, {NOON}, 7200, 0.3);
    """)
    database.commit()
    database.close()
    return path.read_bytes()


def zipped(content: bytes, name: str = "health_connect_export.db") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def test_what_stands_in_an_export(tmp_path: Path, read_file: ReadFile) -> None:
    content = export(tmp_path / "one.db")
    found = read_file(zipped(content), "Health Connect.zip")
    assert found.format == "health_connect"
    values = {row["metric"]: row["value"] for row in found.samples if row["value"] is not None}
    # the module's units: grams, small calories, mmol/L
    assert values == {
        "step_count": 120, "total_energy": pytest.approx(749.3665), "body_weight": 64, "systolic_bp": 125,
        "diastolic_bp": 68, "glucose": pytest.approx(5.5 * 18.0182), "heart_rate": 78,
    }  # fmt: skip
    (stage,) = found.metric("sleep_stage")
    assert (stage["value_text"], stage["start_at"]) == ("deep", datetime(2024, 3, 31, 7))
    assert {(row["tz_source"], row["utc_offset_min"], row["source_app"]) for row in found.samples} == {
        ("vendor_offset", 120, "com.fitbit.FitbitMobile")
    }
    assert sorted(found.reasons) == ["end_before_start", "invalid_time", "unknown_value"]
    # 3 steps, energy, weight, glucose, one pressure with two values, 2 heart rates, 2 stages, a drink that is no metric
    assert (found.read, found.accepted, found.ignored) == (12, 8, {"hydration_record_table": 1})
    assert len(read_file(content, "health_connect_export.db").samples) == len(found.samples)


def test_a_damaged_database_is_refused(tmp_path: Path, read_file: ReadFile) -> None:
    content = bytearray(export(tmp_path / "one.db"))
    content[4096:12288] = b"\xff" * 8192
    with pytest.raises(BadFile, match="database"):
        read_file(zipped(bytes(content)), "a.zip")
    with pytest.raises(BadFile):
        read_file(zipped(b"not a database", "health_connect_export.db"), "b.zip")


def test_a_member_that_leaves_the_folder_is_refused(tmp_path: Path, read_file: ReadFile) -> None:
    with pytest.raises(BadFile, match=r"leaves|outside|name"):
        read_file(zipped(export(tmp_path / "one.db"), "../../health_connect_export.db"), "a.zip")

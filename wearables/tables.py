"""The raw tables of wearables and environment."""

from __future__ import annotations

import pyarrow as pa

from lake.tables import UTC_TIME, Table, table

WEARABLE_SAMPLE = table(
    "wearable_sample",
    "One row per measured value of a device or app, as delivered (unmerged, duplicates across files kept).",
    record_no=pa.int64(),
    metric=pa.string(),
    start_at=UTC_TIME,
    end_at=UTC_TIME,
    utc_offset_min=pa.int64(),
    time_zone=pa.string(),
    tz_source=pa.string(),
    local_text=pa.string(),
    value=pa.float64(),
    value_text=pa.string(),
    unit=pa.string(),
    unit_src=pa.string(),
    value_src=pa.float64(),
    censor=pa.string(),
    source_type=pa.string(),
    device_name=pa.string(),
    device_model=pa.string(),
    source_app=pa.string(),
    is_user_entered=pa.bool_(),
    recorded_at=UTC_TIME,
    subject=pa.string(),
)
"""``subject`` tells the people of a file apart that holds several; null where a file is of one account.

``tz_source`` says what ``utc_offset_min`` and ``start_at`` rest on:

- ``metadata``: the record names its IANA zone (``time_zone``); the offset is that zone's at the start.
- ``vendor_offset``: the record carries its own offset from UTC, which is the local one.
- ``vendor_utc``: the vendor stores UTC; nothing is known about the local zone.
- ``export_offset``: Apple's export writes the phone's offset *at export time* on every record: right UTC, not local.
- ``assumed_utc``: the file has naive local times; ``start_at`` is that local time read as if it were UTC, and staging
  moves it once the account's zone is known (``local_text`` keeps the original).
"""

WEARABLE_WORKOUT = table(
    "wearable_workout",
    "One row per workout or activity session.",
    record_no=pa.int64(),
    activity=pa.string(),
    start_at=UTC_TIME,
    end_at=UTC_TIME,
    utc_offset_min=pa.int64(),
    time_zone=pa.string(),
    tz_source=pa.string(),
    duration_s=pa.float64(),
    distance_m=pa.float64(),
    energy_kcal=pa.float64(),
    device_name=pa.string(),
    source_app=pa.string(),
    subject=pa.string(),
)

WEARABLE_PROFILE = table(
    "wearable_profile",
    "One row per profile that a dump carries about its owner.",
    record_no=pa.int64(),
    birth_date=pa.date32(),
    sex=pa.string(),
    blood_type=pa.string(),
    time_zone=pa.string(),
    display_name=pa.string(),
)

ALARM_EVENT = table(
    "alarm_event",
    "One row per alarm of the resident monitor, with the values behind it.",
    record_no=pa.int64(),
    subject=pa.string(),
    rule=pa.string(),
    severity=pa.string(),
    began_at=UTC_TIME,
    raised_at=UTC_TIME,
    value=pa.float64(),
    baseline=pa.float64(),
    evidence=pa.string(),
    is_late=pa.bool_(),
    received_at=UTC_TIME,
    committed_at=UTC_TIME,
)

WAVEFORM_CHUNK = table(
    "waveform_chunk",
    "One row per signal and at most five minutes of a waveform: equally spaced values from a moment on.",
    record_no=pa.int64(),
    signal=pa.string(),
    start_at=UTC_TIME,
    tz_source=pa.string(),
    rate_hz=pa.float64(),
    unit=pa.string(),
    values=pa.list_(pa.float32()),
)

ENVIRONMENT_READING = table(
    "environment_reading",
    "One row per region, local date and parameter of air quality or weather, as delivered.",
    record_no=pa.int64(),
    region_id=pa.string(),
    date=pa.date32(),
    parameter=pa.string(),
    value=pa.float64(),
    unit=pa.string(),
    unit_src=pa.string(),
    value_src=pa.float64(),
)

TABLES: tuple[Table, ...] = (
    WEARABLE_SAMPLE,
    WEARABLE_WORKOUT,
    WEARABLE_PROFILE,
    WAVEFORM_CHUNK,
    ALARM_EVENT,
    ENVIRONMENT_READING,
)

"""Dexcom Clarity CSV or XLSX: continuous glucose, mg/dL or mmol/L as its header says.

Times are naive local ones. ``Low`` and ``High`` are readings outside the sensor's range: kept as censored values at
its limits (39 and 401 mg/dL, reference/wearables.md 2), never as null and never as a number that was measured.
"""

from __future__ import annotations

import re

from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink
from wearables import csv_rows, source_text, spreadsheet
from wearables.canonical import deliver
from wearables.tables import WEARABLE_PROFILE, WEARABLE_SAMPLE

LOW_MG_DL, HIGH_MG_DL = 39.0, 401.0
_ABOUT = "'FirstName', 'LastName', 'DateOfBirth', 'Device'"
_TIME = re.compile(r"Timestamp\b.*", re.IGNORECASE)
_GLUCOSE = re.compile(r"Glucose Value \((mg/dL|mmol/L)\)", re.IGNORECASE)
_UNITS = {"mg/dl": "mg/dL", "mmol/l": "mmol/L"}


def matches(landed: Landed) -> bool:
    """True for Clarity's header line."""
    line = _first_line(landed)
    return "Event Type" in line and "Glucose Value" in line


def read(landed: Landed, sink: Sink) -> None:
    """Read a Clarity export into glucose samples and the owner's profile."""
    text = source_text.plain(landed, sink, counting=(csv_rows.QUOTE,))
    names = csv_rows.header_of(_first_line(landed)).names
    time = next((name for name in names if _TIME.fullmatch(name)), None)
    glucose = next((name for name in names if _GLUCOSE.fullmatch(name)), None)
    if time is None or glucose is None:
        raise BadFile("bad_header", "expected columns 'Timestamp (…)' and 'Glucose Value (mg/dL)' or '(mmol/L)'")
    found = _GLUCOSE.fullmatch(glucose)
    assert found is not None
    unit = _UNITS[found.group(1).lower()]
    csv_rows.rows(
        sink,
        text,
        {
            "happened": time,
            "event": "Event Type",
            "patient": "Patient Info",
            "device": "Device Info",
            "source_device": "Source Device ID",
            "reading": glucose,
        },
    )
    low, high = (LOW_MG_DL, HIGH_MG_DL) if unit == "mg/dL" else (LOW_MG_DL / 18.0182, HIGH_MG_DL / 18.0182)
    # a comma is a decimal comma here: fields are already split, and glucose has no thousands
    deliver(
        [landed],
        sink,
        f"""
        select
            record_no,
            coalesce(event, 'none') as kind,
            case when event = 'EGV' then 'glucose' end as metric,
            try_cast(happened as timestamp) as start_at,
            try_cast(happened as timestamp) as end_at,
            'assumed_utc' as tz_source,
            happened as local_text,
            case lower(reading)
                when 'low' then {low} when 'high' then {high}
                else try_cast(replace(reading, ',', '.') as double) end as value_src,
            '{unit}' as unit_src,
            case lower(reading) when 'low' then '<=' when 'high' then '>=' end as censor,
            case when lower(reading) in ('low', 'high') then reading end as value_text,
            'cgm' as source_type,
            source_device as device_name,
            (select any_value(device) from csv_row where event = 'Device') as device_model,
            'Dexcom Clarity' as source_app,
            false as is_user_entered,
            case when line_problem is not null then line_problem when event is null then 'wrong_shape' end as problem,
            record_text
        from csv_row
        where line_problem is not null or event is null or event not in ({_ABOUT})
        """,
        unit="record",
    )
    _profile(sink)


READER = Reader(
    name="dexcom_clarity",
    description="Dexcom Clarity export, CSV or XLSX: glucose every five minutes, mg/dL or mmol/L.",
    tables=(WEARABLE_SAMPLE, WEARABLE_PROFILE),
    matches=matches,
    read=read,
)


def _first_line(landed: Landed) -> str:
    return spreadsheet.head(landed).split("\n", 1)[0].rstrip("\r")


def _profile(sink: Sink) -> None:
    """The header rows about the patient: one profile. A birth date is used only when it can mean one day."""
    about = f"event in ({_ABOUT}) and line_problem is null"
    found = sink.connection.execute(f"select count(*) from csv_row where {about}").fetchall()[0][0]
    sink.write_query(
        "wearable_profile",
        f"""
        with about as (
            select
                min(record_no) as record_no,
                any_value(patient) filter (event = 'DateOfBirth') as born,
                any_value(patient) filter (event = 'FirstName') as given,
                any_value(patient) filter (event = 'LastName') as family
            from csv_row where {about}
        ),
        dated as (
            select
                *,
                try_cast(born as date) as iso,
                try_strptime(born, '%m/%d/%Y')::date as month_first,
                try_strptime(born, '%d/%m/%Y')::date as day_first
            from about where record_no is not null
        )
        select
            record_no,
            case
                when iso is not null then iso
                when month_first is null or day_first is null or month_first = day_first
                    then coalesce(month_first, day_first)
            end as birth_date,
            null as sex,
            null as blood_type,
            null as time_zone,
            nullif(concat_ws(' ', given, family), '') as display_name
        from dated
        where born is not null or given is not null or family is not null
        """,
    )
    sink.count(found, found)

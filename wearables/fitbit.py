"""Fitbit: Web API responses and Takeout files.

Both write naive local times (Takeout's minute-level files are in UTC). The zone of the account is in its profile,
another file that may arrive before or after: the raw row keeps the local text and says ``assumed_utc``, and staging
moves it to UTC once the profile is known, so that the order of arrival never matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink
from lake.sql import literal
from lake.together import RECORDS_PER_FILE, Together
from wearables import source_text
from wearables.canonical import EARLIEST, FILE_NO, FUTURE_TOLERANCE, deliver, received_at
from wearables.fitbit_shapes import API, API_SIGNATURE, TAKEOUT, TAKEOUT_CLOCK, TAKEOUT_NAME, TYPED, Shape
from wearables.json_documents import documents, wrapping
from wearables.metrics import METRICS
from wearables.source_text import SourceText
from wearables.tables import WEARABLE_PROFILE, WEARABLE_SAMPLE

LARGE_BYTES = 1 << 20
"""Takeout files from this size on are read by their types."""


def matches(landed: Landed) -> bool:
    """True for Web API responses and Takeout files, told by their fields; Takeout's kind stands in the file name."""
    if not landed.name.endswith(".json"):
        return False
    if landed.source.startswith("fitbit"):
        return True
    text = landed.text_head
    if TAKEOUT_NAME.fullmatch(landed.name) and text.lstrip()[:1] == "[":
        return '"dateTime"' in text or '"logId"' in text
    return text.lstrip()[:1] in ("{", "[") and API_SIGNATURE.search(text) is not None


def read(landed: Landed, sink: Sink) -> None:
    """Read a Fitbit file into samples, or into the profile."""
    text = source_text.plain(landed, sink)
    if text.path.stat().st_size < LARGE_BYTES or not _read_large(landed, text, sink):
        _read([landed], [text], sink)


def read_together(files: Sequence[Landed], group: Together) -> None:
    """Read several small files of one kinship."""
    _read(files, source_text.together(files, group), group)


def kinship(landed: Landed) -> str | None:
    """Responses of the Web API go together, and Takeout files of one kind; lines and arrays keep to themselves."""
    named = TAKEOUT_NAME.fullmatch(landed.name)
    if named:
        return named.group(1)
    return "api" if landed.text_head.lstrip().startswith("{") and landed.text_head.count("\n") < 2 else None


READER = Reader(
    name="fitbit",
    description="Fitbit: JSON of the Web API (intraday, sleep, HRV, SpO2, …) or of Google Takeout, and profile.json.",
    tables=(WEARABLE_SAMPLE, WEARABLE_PROFILE),
    matches=matches,
    read=read,
    kinship=kinship,
    read_together=read_together,
)


def _read(files: Sequence[Landed], texts: Sequence[SourceText], sink: Sink) -> None:
    unit = documents(sink, texts)
    named = TAKEOUT_NAME.fullmatch(files[0].name)
    keys = {
        key for (key,) in sink.connection.execute("select distinct unnest(json_keys(json)) from document").fetchall()
    }
    _entries(sink, TAKEOUT[named.group(1)] if named else tuple(shape for shape in API if shape.key in keys))
    profiles = _profile(sink) if keys & {"user", "timezone"} else set()
    sound = sink.connection.execute(
        f"select {FILE_NO} from entry union select {FILE_NO} from document where {_known()}"
    ).fetchall()
    if len({number for (number,) in sound} | profiles) < len(files):
        raise BadFile("wrong_shape", "no list of a Web API response or Takeout file is in it; is it Fitbit's?")
    deliver(files, sink, _samples(), unit="entry")
    _broken_lines(sink, unit)


def _read_large(landed: Landed, text: SourceText, sink: Sink) -> bool:
    """Read a large Takeout file by the types of its kind; False, with nothing written, if a record is odd."""
    named = TAKEOUT_NAME.fullmatch(landed.name)
    if named is None or named.group(1) not in TYPED or text.is_damaged or wrapping(text) != "array":
        return False
    kind, value = TYPED[named.group(1)]
    (shape,) = TAKEOUT[named.group(1)]
    path = literal(text.path)
    try:
        sink.connection.execute(f"""
            create or replace temp table reading as
            select try_strptime(e."dateTime", '{TAKEOUT_CLOCK}') as happened_at, cast({value} as double) as value
            from read_json({path}, format = 'array', columns = {{'dateTime': 'varchar', 'value': '{kind}'}}) as e
        """)
    except duckdb.Error:
        return False
    latest = received_at(landed) + FUTURE_TOLERANCE - timedelta(minutes=1)
    ((number, is_plain),) = sink.connection.execute(
        "select count(*), bool_and(coalesce(isfinite(value) and happened_at between $1 and $2, false)) from reading",
        [EARLIEST, latest],
    ).fetchall()
    if not is_plain:
        return False
    sink.write("wearable_sample", _coded(sink.connection.sql("from reading").to_arrow_table(), shape))
    sink.count(number, number)
    return True


def _coded(readings: pa.Table, shape: Shape) -> pa.Table:
    """Samples of readings of one kind; what is the same in all of them is stored once."""
    number = readings.num_rows
    metric = next(one for one in METRICS if one.name == shape.metric)
    unit = shape.unit.strip("'")
    factor, shift = metric.units[unit]
    value, at = readings.column("value"), readings.column("happened_at")
    same: dict[str, str | None] = {
        "metric": metric.name, "unit": metric.unit, "unit_src": unit, "tz_source": shape.tz_source,
        "source_type": shape.source_type, "source_app": "Fitbit",
    }  # fmt: skip
    columns = {
        "record_no": pa.array(np.arange(1, number + 1)),
        "start_at": at,
        "end_at": pc.add(at, pa.scalar(timedelta(seconds=int(shape.seconds)), pa.duration("us"))),
        "value": pc.add(pc.multiply(value, factor), shift),
        "value_src": value,
        "is_user_entered": pa.repeat(pa.scalar(False), number),
    }
    for field in WEARABLE_SAMPLE.schema:
        if field.name in same:
            indices = pa.repeat(pa.scalar(0, pa.int32()), number)
            columns[field.name] = pa.DictionaryArray.from_arrays(indices, pa.array([same[field.name]], pa.string()))
        elif field.name not in columns:
            columns[field.name] = pa.nulls(number, field.type)
    return pa.table(columns)


def _known() -> str:
    """A response with an empty list is a day without data, not a wrong file."""
    keys = ("activities-steps", "activities-heart", "activities-calories", "activities-floors", "sleep", "hrv", "br",
            "tempSkin", "weight")  # fmt: skip
    return " or ".join(f"json_type(json->'$.\"{key}\"') = 'ARRAY'" for key in keys)


def _entries(sink: Sink, shapes: tuple[Shape, ...]) -> None:
    shapes = shapes or API[:1]
    parts = [_entry_query(number, shape) for number, shape in enumerate(shapes)]
    file_no = f"document_no // {RECORDS_PER_FILE}"
    numbered = (
        f"{file_no} * {RECORDS_PER_FILE}"
        f" + row_number() over (partition by {file_no} order by document_no, shape, entry_no, part_no)"
    )
    sink.connection.execute(
        f"create or replace temp table entry as select {numbered} as record_no, * from ({' union all '.join(parts)})"
    )


def _entry_query(number: int, shape: Shape) -> str:
    if shape.entries == "$":
        entry = "select record_no as document_no, json as d, 1 as entry_no, json as p from document"
    else:
        entry = f"""select *, generate_subscripts(items, 1) as entry_no, unnest(items) as p
            from (select record_no as document_no, json as d, (json->'{shape.entries}') as items from document)"""
    if shape.nested:
        nested = f"""select *, generate_subscripts(parts, 1) as part_no, unnest(parts) as e
            from (select document_no, d, entry_no, p, (p->'{shape.nested}') as parts from ({entry}))"""
    else:
        nested = f"select document_no, d, entry_no, p, 1 as part_no, p as e from ({entry})"
    where = "where (e->'$.dateTime') is not null and json_type(e->'$.value') = 'OBJECT'" if shape.kind == "spo2" else ""
    return f"""
        select
            document_no,
            {number} as shape,
            entry_no,
            part_no,
            '{shape.kind}' as kind,
            case when coalesce({shape.skip}, false) then null else '{shape.metric}' end as metric,
            {shape.time} as local_text,
            {shape.seconds} as seconds,
            {shape.value} as value_src,
            {shape.unit} as unit_src,
            {shape.text} as value_text,
            '{shape.source_type}' as source_type,
            '{shape.tz_source}' as tz_source,
            e::varchar as record_text
        from ({nested}) {where}
    """


def _samples() -> str:
    return """
        select
            record_no,
            kind,
            metric,
            started as start_at,
            started + to_seconds(case when seconds between 0 and 172800 then seconds end) as end_at,
            tz_source,
            case when tz_source <> 'vendor_utc' then local_text end as local_text,
            try_cast(value_src as double) as value_src,
            unit_src,
            value_text,
            source_type,
            'Fitbit' as source_app,
            source_type = 'self_reported' as is_user_entered,
            record_text
        from (
            select
                *,
                -- arithmetic on the edges of the calendar would overflow
                case when try_cast(local_text as timestamp) between timestamp '1900-01-01' and timestamp '2200-01-01'
                    then try_cast(local_text as timestamp) end as started
            from entry
        )
    """


def _profile(sink: Sink) -> set[int]:
    """Write the profiles; returns the numbers of the files that hold one."""
    where = "json_type(json->'$.user') = 'OBJECT' or json_type(json->'$.timezone') = 'VARCHAR'"
    sink.write_query(
        "wearable_profile",
        f"""
        select
            record_no,
            try_cast((json->>'$.user.dateOfBirth') as date) as birth_date,
            case upper(json->>'$.user.gender') when 'MALE' then 'male' when 'FEMALE' then 'female' end as sex,
            null as blood_type,
            coalesce(json->>'$.user.timezone', (json->>'$.timezone')) as time_zone,
            coalesce(json->>'$.user.displayName', (json->>'$.user.fullName'), (json->>'$.displayName')) as display_name
        from document
        where {where}
        """,
    )
    found = sink.connection.execute(f"select {FILE_NO}, count(*) from document where {where} group by 1").fetchall()
    for number, profiles in found:
        sink.of(number).count(profiles, profiles)
    return {number for number, _ in found}


def _broken_lines(sink: Sink, unit: str) -> None:
    rows = sink.connection.execute("select record_no, record_text from document where json is null").fetchall()
    for record_no, text in rows:
        number, own = divmod(record_no, RECORDS_PER_FILE)
        sink.reject(f"{unit} {own}", "invalid_json", "the line is not a JSON object", record_no=record_no, text=text)
        sink.of(number).count(1, 0)

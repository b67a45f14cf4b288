"""Open mHealth and IEEE 1752 JSON: bodies or data points (header + body), one, an array, or one a line.

Schemas: openmhealth.org, namespace ``omh``. The format demands a zone in every date-time; without one the document is
rejected. Summaries (``descriptive_statistic``) are not samples: only an average of a discrete quantity is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink
from lake.together import NotTogether, Together
from wearables import source_text
from wearables.canonical import FILE_NO, deliver
from wearables.json_documents import documents, wrapping
from wearables.source_text import SourceText
from wearables.tables import WEARABLE_SAMPLE


@dataclass(frozen=True)
class _Measure:
    """Where a metric stands in the body of a schema."""

    schema: str
    field: str
    metric: str
    is_interval: bool = False


MEASURES: tuple[_Measure, ...] = (
    _Measure("step-count", "step_count", "step_count", is_interval=True),
    _Measure("heart-rate", "heart_rate", "heart_rate"),
    _Measure("blood-glucose", "blood_glucose", "glucose"),
    _Measure("body-weight", "body_weight", "body_weight"),
    _Measure("body-height", "body_height", "body_height"),
    _Measure("blood-pressure", "systolic_blood_pressure", "systolic_bp"),
    _Measure("blood-pressure", "diastolic_blood_pressure", "diastolic_bp"),
    _Measure("oxygen-saturation", "oxygen_saturation", "oxygen_saturation"),
    _Measure("sleep-duration", "sleep_duration", "sleep_duration", is_interval=True),
    _Measure("body-temperature", "body_temperature", "body_temperature"),
    _Measure("respiratory-rate", "respiratory_rate", "respiratory_rate"),
)

_ZONED = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})"


def matches(landed: Landed) -> bool:
    """True for documents with a time frame or a schema identifier of Open mHealth."""
    text = landed.text_head
    if text.lstrip()[:1] not in ("{", "["):
        return False
    return landed.source.startswith("open_mhealth") or '"effective_time_frame"' in text or '"schema_id"' in text


def read(landed: Landed, sink: Sink) -> None:
    """Read documents into samples; schemas without a metric of ours are counted as ignored."""
    _read([landed], [source_text.plain(landed, sink)], sink)


def read_together(files: Sequence[Landed], group: Together) -> None:
    """Read several small files of one wrapping."""
    _read(files, source_text.together(files, group), group)


def kinship(landed: Landed) -> str:
    """Lines, arrays and single documents are read apart."""
    text = landed.text_head.lstrip()
    if text.startswith("["):
        return "array"
    return "line" if text.startswith("{") and "}\n{" in text else "document"


READER = Reader(
    name="open_mhealth",
    description="Open mHealth JSON: data points or bodies, one document, an array, or one a line.",
    tables=(WEARABLE_SAMPLE,),
    matches=matches,
    read=read,
    kinship=kinship,
    read_together=read_together,
)


def _read(files: Sequence[Landed], texts: Sequence[SourceText], sink: Sink) -> None:
    if len({wrapping(text) for text in texts}) > 1:
        raise NotTogether
    unit = documents(sink, texts)
    if sink.connection.execute(f"select count(distinct {FILE_NO}) from document").fetchall() != [(len(files),)]:
        raise BadFile("empty_file", "the file holds no document")
    _macros(sink)
    is_damaged = any(text.is_damaged for text in texts)
    damaged = f"contains(record_text, '{source_text.REPLACEMENT}')" if is_damaged else "false"
    sink.connection.execute(f"""
        create or replace temp table body as
        select
            record_no,
            record_text,
            (json->'$.header') as header,
            case when json_type(json->'$.body') = 'OBJECT' then (json->'$.body') else json end as body,
            case when {damaged} then 'invalid_utf8' when json is null then 'invalid_json' end as problem
        from document
    """)
    deliver(files, sink, _rows(), unit=unit)


def _macros(sink: Sink) -> None:
    sink.connection.execute(f"""
        create or replace temp macro zoned(s) as
            case when regexp_full_match(upper(s), '{_ZONED}')
                then timezone('UTC', try_cast(upper(s) as timestamptz)) end;
        create or replace temp macro offset_of(s) as
            case
                when regexp_full_match(upper(s), '{_ZONED}') and ends_with(upper(s), 'Z') then 0
                when regexp_full_match(upper(s), '{_ZONED}') then
                    case s[-6] when '-' then -1 else 1 end
                    * (try_cast(s[-5:-4] as bigint) * 60 + try_cast(s[-2:] as bigint))
            end;
        create or replace temp macro seconds_of(amount, unit) as
            amount * case unit when 's' then 1 when 'sec' then 1 when 'min' then 60 when 'h' then 3600
                when 'd' then 86400 end;
    """)


def _rows() -> str:
    listing = ", ".join(
        f"('{one.schema}', '{one.field}', '{one.metric}', {str(one.is_interval).lower()})" for one in MEASURES
    )
    return f"""
        with measure as (
            select * from (values {listing}) as m(schema_name, field, metric, is_interval)
        ),
        known as (select distinct schema_name from measure),
        framed as (
            select
                *,
                coalesce(
                    (header->>'$.schema_id.name'),
                    (select min(schema_name) from measure where json_exists(body, '$.' || field))
                ) as schema_name,
                (body->'$.effective_time_frame') as frame,
                (body->>'$.descriptive_statistic') as statistic,
                json_exists(body, '$.descriptive_statistic_denominator') as has_denominator
            from body
        ),
        timed as (
            select
                *,
                coalesce((frame->>'$.date_time'), (frame->>'$.time_interval.start_date_time')) as start_text,
                coalesce((frame->>'$.date_time'), (frame->>'$.time_interval.end_date_time')) as end_text,
                seconds_of(
                    try_cast((frame->>'$.time_interval.duration.value') as double),
                    (frame->>'$.time_interval.duration.unit')
                ) as duration_s,
                json_exists(frame, '$.time_interval') as is_interval_frame
            from framed
        ),
        bounded as (
            select
                *,
                case when duration_s between 0 and 31622400 then to_microseconds((duration_s * 1000000)::bigint) end
                    as length
            from timed
        ),
        measured as (
            select
                b.*,
                m.metric,
                m.is_interval,
                case when json_type(b.body->('$.' || m.field)) = 'OBJECT'
                    then (b.body->('$.' || m.field || '.value')) else (b.body->('$.' || m.field)) end as amount,
                coalesce((b.body->>('$.' || m.field || '.unit')), case when m.metric = 'step_count' then 'steps' end)
                    as unit_src
            from bounded as b
            left join measure as m on b.schema_name = m.schema_name
        )
        select
            record_no,
            case
                when metric is null or statistic is null then schema_name
                else schema_name || ' with descriptive statistic'
            end as kind,
            case
                when statistic is null or (statistic = 'average' and not is_interval and not has_denominator)
                    then
                        case
                            -- the schema's word for a resting heart rate
                            when metric = 'heart_rate'
                                and (body->>'$.temporal_relationship_to_physical_activity') = 'at rest'
                                then 'resting_heart_rate'
                            else metric
                        end
            end as metric,
            coalesce(zoned(start_text), zoned(end_text) - length) as start_at,
            coalesce(zoned(end_text), zoned(start_text) + length) as end_at,
            offset_of(coalesce(start_text, end_text)) as utc_offset_min,
            'vendor_offset' as tz_source,
            coalesce(start_text, end_text) as local_text,
            case when json_type(amount) in ('BIGINT', 'UBIGINT', 'DOUBLE') then try_cast(amount as double) end
                as value_src,
            unit_src,
            case (header->>'$.acquisition_provenance.modality')
                when 'self-reported' then 'self_reported'
                else
                    case
                        when is_interval and coalesce(zoned(end_text) - zoned(start_text), length) >= interval 23 hours
                            then 'daily_summary'
                        else 'device'
                    end
            end as source_type,
            coalesce((header->>'$.acquisition_provenance.source_name'), 'Open mHealth') as source_app,
            (header->>'$.acquisition_provenance.modality') = 'self-reported' as is_user_entered,
            coalesce(
                zoned(header->>'$.acquisition_provenance.source_creation_date_time'),
                zoned(header->>'$.creation_date_time')
            ) as recorded_at,
            case
                when problem is not null then problem
                when schema_name is null then 'wrong_shape'
                when metric is null then null
                when statistic is not null and (statistic <> 'average' or is_interval or has_denominator) then null
                when amount is null or frame is null or (is_interval and not is_interval_frame) then 'wrong_shape'
                when (start_text is not null and not regexp_full_match(upper(start_text), '{_ZONED}'))
                    or (end_text is not null and not regexp_full_match(upper(end_text), '{_ZONED}'))
                    then 'time_without_zone'
            end as problem,
            record_text
        from measured
    """

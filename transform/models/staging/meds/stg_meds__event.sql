-- One row per event and coding, with its domain; the end of a stay or infusion closes the start before
-- it and is no row of its own. Times are those of the dataset; `available_time`, where it has one, is
-- when the event was known.
{{ config(materialized="table") }}

with
    raw as (select * from {{ source("meds", "meds_event") }}),

    codes as (select * from {{ ref("stg_meds__code") }}),

    events as (
        select
            raw.*,
            codes.domain,
            codes.role,
            case
                when codes.family is not null
                then
                    concat_ws(
                        '|',
                        codes.family,
                        case when codes.domain <> 'encounter' then codes.code end,
                        raw.visit_id
                    )
            end as span,
            coalesce(
                raw.event_id,
                md5(
                    {{
                        digest(
                            [
                                "raw.subject_id",
                                "raw.time",
                                "raw.code",
                                "raw.numeric_value",
                                "raw.text_value",
                            ]
                        )
                    }}
                )
            ) as source_id,
            codes.code_system,
            codes.code as meds_value,
            codes.description,
            codes.item_loinc,
            codes.parent_codes,
            coalesce(raw.unit, codes.unit) as unit_src
        from raw
        inner join codes on codes.source = raw.source and codes.meds_code = raw.code
    ),

    spans as (
        select
            source,
            file_id,
            record_no,
            -- whatever started before the next end is ended by it
            min(case when role = 'end' then time end) over (
                partition by source, subject_id, span
                order by time
                range between current row and unbounded following
            ) as next_end_at,
            min(case when role = 'start' then time end) over (
                partition by source, subject_id, span
                order by time
                range between unbounded preceding and current row
            ) as first_start_at
        from events
        where span is not null
    ),

    closed as (
        select
            events.*,
            events.role = 'end' as is_end,
            events.role = 'end' and spans.first_start_at is not null as is_closing,
            case
                when events.role = 'end' then events.time else coalesce(events.end_time, spans.next_end_at)
            end as event_end_at
        from events
        left join
            spans
            on spans.source = events.source
            and spans.file_id = events.file_id
            and spans.record_no = events.record_no
    ),

    kept as (select * from closed where not coalesce(is_closing, false) and domain <> 'person'),

    coded as (
        select *, 1 as code_no, code_system as system, meds_value as value
        from kept
        union all
        select *, 2, 'loinc', item_loinc
        from kept
        where item_loinc is not null
        union all
        select
            * exclude (parent),
            3,
            split_part(trim(parent, chr(39) || ' '), '/', 1),
            regexp_replace(trim(parent, chr(39) || ' '), '^[^/]+/+', '')
        from
            (
                select *, unnest(string_split(parent_codes, ', ')) as parent
                from kept
                where parent_codes is not null
            )
        where parent like '%/%'
    ),

    judged as (
        select
            *,
            case
                when numeric_value is not null
                then nullif(regexp_extract(text_value, '^\s*(<=|>=|<|>)\s*[0-9.]+\s*$', 1), '')
            end as comparator,
            case
                when domain <> 'encounter'
                then null
                when starts_with(code, 'ED_')
                then 'EMER'
                when starts_with(code, 'HOSPITAL_') or starts_with(code, 'ICU_')
                then 'IMP'
                when system = 'v3_act_code'
                then value
            end as encounter_class
        from coded
    )

-- an end without a start was known when it ended
select
    domain,
    {{
        staged_record(
            {
                "source_table": "'meds_event'",
                "source_id": "source_id",
                "source_person_key": "subject_id",
                "encounter_key": "coalesce(visit_id, case when domain= 'encounter' then source_id end)",
                "code_no": "code_no",
                "code_system": "system",
                "code": "value",
                "display": "description",
                "category": "encounter_class",
                "value_num": "numeric_value",
                "comparator": "comparator",
                "value_text": "case when comparator is null then nullif(text_value, '') end",
                "unit_src": "unit_src",
                "event_text": "time",
                "event_at": "case when not is_end then time end",
                "event_end_at": "event_end_at",
                "event_precision": "case when time is not null and not is_end then 'second' end",
                "recorded_at": "coalesce(available_time, case when is_end then time end)",
                "recorded_precision": "case when available_time is not null or is_end then 'second' end",
            }
        )
    }}
from judged

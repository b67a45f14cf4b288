-- One row per copy of an outpatient measurement and part: a blood pressure `120/80` is two. Only the date
-- is recorded.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_omr") }}),

    meanings as (select * from {{ ref("mimic_iv_omr_concept") }}),

    parts as (
        select
            raw.*,
            meanings.part,
            meanings.loinc,
            meanings.unit,
            case
                meanings.part
                when 'systolic'
                then split_part(raw.result_value, '/', 1)
                when 'diastolic'
                then split_part(raw.result_value, '/', 2)
                else raw.result_value
            end as part_value
        from raw
        left join meanings on meanings.result_name = raw.result_name
    ),

    final as (
        select
            parts.source as source_system,
            'mimic_iv_omr' as source_table,
            concat_ws('-', parts.subject_id, parts.chartdate, parts.result_name, parts.seq_num) as source_id,
            coalesce(parts.part, '') as component,
            cast(parts.subject_id as varchar) as source_person_key,
            cast(null as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            case when parts.loinc is not null then 'loinc' else 'mimic_iv_omr' end as code_system,
            coalesce(parts.loinc, parts.result_name) as code,
            parts.result_name as display,
            'vital-signs' as category,
            'final' as status,
            false as is_retracted,
            false as is_revision,
            try_cast(parts.part_value as double) as value_num,
            cast(null as varchar) as comparator,
            case when try_cast(parts.part_value as double) is null then parts.result_value end as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            parts.unit as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(parts.chartdate as varchar) as event_text,
            cast(parts.chartdate as timestamp) as event_at,
            cast(null as timestamp) as event_end_at,
            case when parts.chartdate is not null then 'day' end as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            cast(null as timestamp) as updated_at,
            parts.file_id,
            parts.record_no
        from parts
    )

select *
from final

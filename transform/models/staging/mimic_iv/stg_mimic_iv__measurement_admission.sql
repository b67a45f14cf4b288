-- One row per copy of an admission and answer that it carries: race as noted then, and where the person went.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_admissions") }}),

    final as (
        select
            raw.source as source_system,
            'mimic_iv_admissions' as source_table,
            cast(raw.hadm_id as varchar) as source_id,
            'race' as component,
            cast(raw.subject_id as varchar) as source_person_key,
            cast(raw.hadm_id as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            'loinc' as code_system,
            '32624-9' as code,
            'Race' as display,
            'demographics' as category,
            cast(null as varchar) as status,
            false as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            raw.race as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(raw.admittime as varchar) as event_text,
            raw.admittime as event_at,
            cast(null as timestamp) as event_end_at,
            'second' as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            cast(null as timestamp) as updated_at,
            raw.file_id as file_id,
            raw.record_no as record_no
        from raw
        where raw.race is not null
        union all
        select
            raw.source as source_system,
            'mimic_iv_admissions' as source_table,
            cast(raw.hadm_id as varchar) as source_id,
            'discharge' as component,
            cast(raw.subject_id as varchar) as source_person_key,
            cast(raw.hadm_id as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            'loinc' as code_system,
            '55128-3' as code,
            'Discharge disposition' as display,
            'discharge' as category,
            cast(null as varchar) as status,
            false as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            raw.discharge_location as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(raw.dischtime as varchar) as event_text,
            raw.dischtime as event_at,
            cast(null as timestamp) as event_end_at,
            'second' as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            cast(null as timestamp) as updated_at,
            raw.file_id as file_id,
            raw.record_no as record_no
        from raw
        where raw.discharge_location is not null
    )

select *
from final

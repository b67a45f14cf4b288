-- One row per delivered copy of a patient: the age that is stated for a year.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_patients") }}),

    final as (
        select
            raw.source as source_system,
            'mimic_iv_patients' as source_table,
            cast(raw.subject_id as varchar) as source_id,
            'age' as component,
            cast(raw.subject_id as varchar) as source_person_key,
            cast(null as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            'loinc' as code_system,
            '30525-0' as code,
            'Age' as display,
            'demographics' as category,
            cast(null as varchar) as status,
            false as is_retracted,
            false as is_revision,
            cast(raw.anchor_age as double) as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            'a' as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(raw.anchor_year as varchar) as event_text,
            make_timestamp(raw.anchor_year, 1, 1, 0, 0, 0) as event_at,
            cast(null as timestamp) as event_end_at,
            'year' as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            cast(null as timestamp) as updated_at,
            raw.file_id as file_id,
            raw.record_no as record_no
        from raw
    )

select *
from final

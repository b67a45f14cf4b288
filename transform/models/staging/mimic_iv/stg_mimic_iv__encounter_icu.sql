-- One row per copy of an ICU stay, a part of an admission. The first care unit is the code.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_icustays") }}),

    final as (
        select
            raw.source as source_system,
            'mimic_iv_icustays' as source_table,
            cast(raw.stay_id as varchar) as source_id,
            '' as component,
            cast(raw.subject_id as varchar) as source_person_key,
            cast(raw.stay_id as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            'mimic_iv_careunit' as code_system,
            raw.first_careunit as code,
            raw.first_careunit as display,
            'ACUTE' as category,
            case when raw.outtime is null then 'in-progress' else 'finished' end as status,
            false as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(raw.intime as varchar) as event_text,
            raw.intime as event_at,
            raw.outtime as event_end_at,
            'second' as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            cast(null as timestamp) as updated_at,
            raw.file_id,
            raw.record_no
        from raw
    )

select *
from final

-- One row per copy of an admission. Its type is the code; the class follows HL7 v3 ActCode.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_admissions") }}),

    final as (
        select
            raw.source as source_system,
            'mimic_iv_admissions' as source_table,
            cast(raw.hadm_id as varchar) as source_id,
            '' as component,
            cast(raw.subject_id as varchar) as source_person_key,
            cast(raw.hadm_id as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            'mimic_iv_admission_type' as code_system,
            raw.admission_type as code,
            raw.admission_type as display,
            case when raw.admission_type like '%OBSERVATION%' then 'OBSENC' else 'IMP' end as category,
            case when raw.dischtime is null then 'in-progress' else 'finished' end as status,
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
            cast(raw.admittime as varchar) as event_text,
            raw.admittime as event_at,
            raw.dischtime as event_end_at,
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

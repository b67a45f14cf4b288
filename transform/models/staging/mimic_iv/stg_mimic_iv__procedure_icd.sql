-- One row per copy of a billed procedure; its date is recorded, when it became known is not.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_procedures_icd") }}),

    titles as (
        select icd_code, icd_version, min(long_title) as long_title
        from {{ source("mimic_iv", "mimic_iv_d_icd_procedures") }}
        group by icd_code, icd_version
    ),

    final as (
        select
            raw.source as source_system,
            'mimic_iv_procedures_icd' as source_table,
            concat_ws('-', raw.hadm_id, raw.seq_num) as source_id,
            '' as component,
            cast(raw.subject_id as varchar) as source_person_key,
            cast(raw.hadm_id as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            case raw.icd_version when 9 then 'icd9proc' when 10 then 'icd10pcs' end as code_system,
            trim(raw.icd_code) as code,
            titles.long_title as display,
            'billed' as category,
            cast(null as varchar) as status,
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
            cast(raw.chartdate as varchar) as event_text,
            cast(raw.chartdate as timestamp) as event_at,
            cast(null as timestamp) as event_end_at,
            case when raw.chartdate is not null then 'day' end as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            cast(null as timestamp) as updated_at,
            raw.file_id,
            raw.record_no
        from raw
        left join titles on titles.icd_code = raw.icd_code and titles.icd_version = raw.icd_version
    )

select *
from final

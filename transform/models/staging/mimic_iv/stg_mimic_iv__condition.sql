-- One row per copy of a billed diagnosis. Billing codes carry no time: the diagnosis is taken as present from
-- admission, and as known only a day after discharge, when it is coded (precision day makes it an imputed
-- time).
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_diagnoses_icd") }}),

    admissions as (
        select source, hadm_id, min(admittime) as admittime, max(dischtime) as dischtime
        from {{ source("mimic_iv", "mimic_iv_admissions") }}
        group by source, hadm_id
    ),

    titles as (
        select icd_code, icd_version, min(long_title) as long_title
        from {{ source("mimic_iv", "mimic_iv_d_icd_diagnoses") }}
        group by icd_code, icd_version
    ),

    final as (
        select
            raw.source as source_system,
            'mimic_iv_diagnoses_icd' as source_table,
            concat_ws('-', raw.hadm_id, raw.seq_num) as source_id,
            '' as component,
            cast(raw.subject_id as varchar) as source_person_key,
            cast(raw.hadm_id as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            case raw.icd_version when 9 then 'icd9cm' when 10 then 'icd10cm' end as code_system,
            trim(raw.icd_code) as code,
            titles.long_title as display,
            'encounter-diagnosis' as category,
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
            cast(admissions.admittime as varchar) as event_text,
            admissions.admittime as event_at,
            cast(null as timestamp) as event_end_at,
            case when admissions.admittime is not null then 'second' end as event_precision,
            admissions.dischtime as recorded_at,
            case when admissions.dischtime is not null then 'day' end as recorded_precision,
            cast(null as timestamp) as updated_at,
            raw.file_id,
            raw.record_no
        from raw
        left join admissions on admissions.hadm_id = raw.hadm_id and admissions.source = raw.source
        left join titles on titles.icd_code = raw.icd_code and titles.icd_version = raw.icd_version
    )

select *
from final

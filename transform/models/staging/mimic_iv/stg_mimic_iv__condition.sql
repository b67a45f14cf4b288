-- One row per copy of a billed diagnosis. Billing codes carry no time: the diagnosis is taken as present from
-- admission, and as known only a day after discharge, when it is coded (precision day makes it an imputed
-- time).
with
    admissions as (
        select source, hadm_id, min(admittime) as admittime, max(dischtime) as dischtime
        from {{ source("mimic_iv", "mimic_iv_admissions") }}
        group by source, hadm_id
    ),

    diagnoses as (
        select raw.*, admissions.admittime, admissions.dischtime, titles.long_title
        from {{ source("mimic_iv", "mimic_iv_diagnoses_icd") }} as raw
        left join admissions on admissions.hadm_id = raw.hadm_id and admissions.source = raw.source
        left join
            {{ mimic_iv_titles("mimic_iv_d_icd_diagnoses") }} as titles
            on titles.icd_code = raw.icd_code
            and titles.icd_version = raw.icd_version
    )

select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_diagnoses_icd'",
                "source_id": "concat_ws('-', hadm_id, seq_num)",
                "encounter_key": "hadm_id",
                "code_system": "case icd_version when 9 then 'icd9cm' when 10 then 'icd10cm' end",
                "code": "trim(icd_code)",
                "display": "long_title",
                "category": "'encounter-diagnosis'",
                "recorded_precision": "case when dischtime is not null then 'day' end",
            },
            event="admittime",
            recorded="dischtime",
        )
    }}
from diagnoses

-- One row per copy of a billed procedure; its date is recorded, when it became known is not.
with
    procedures as (
        select raw.*, titles.long_title
        from {{ source("mimic_iv", "mimic_iv_procedures_icd") }} as raw
        left join
            {{ mimic_iv_titles("mimic_iv_d_icd_procedures") }} as titles
            on titles.icd_code = raw.icd_code
            and titles.icd_version = raw.icd_version
    )

select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_procedures_icd'",
                "source_id": "concat_ws('-', hadm_id, seq_num)",
                "encounter_key": "hadm_id",
                "code_system": "case icd_version when 9 then 'icd9proc' when 10 then 'icd10pcs' end",
                "code": "trim(icd_code)",
                "display": "long_title",
                "category": "'billed'",
                "event_precision": "case when chartdate is not null then 'day' end",
            },
            event="chartdate",
        )
    }}
from procedures

-- One row per copy of an outpatient measurement and part: a blood pressure `120/80` is two. Only the date
-- is recorded.
with
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
        from {{ source("mimic_iv", "mimic_iv_omr") }} as raw
        left join {{ ref("mimic_iv_omr_concept") }} as meanings on meanings.result_name = raw.result_name
    )

select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_omr'",
                "source_id": "concat_ws('-', subject_id, chartdate, result_name, seq_num)",
                "component": "coalesce(part, '')",
                "code_system": "case when loinc is not null then 'loinc' else 'mimic_iv_omr' end",
                "code": "coalesce(loinc, result_name)",
                "display": "result_name",
                "category": "'vital-signs'",
                "status": "'final'",
                "value_num": "try_cast(part_value as double)",
                "value_text": "case when try_cast(part_value as double) is null then result_value end",
                "unit_src": "unit",
                "event_precision": "case when chartdate is not null then 'day' end",
            },
            event="chartdate",
        )
    }}
from parts

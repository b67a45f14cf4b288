-- One row per copy of a billed HCPCS event.
select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_hcpcsevents'",
                "source_id": "concat_ws('-', hadm_id, chartdate, hcpcs_cd, seq_num)",
                "encounter_key": "hadm_id",
                "code_system": "'hcpcs'",
                "code": "trim(hcpcs_cd)",
                "display": "short_description",
                "category": "'billed'",
                "event_precision": "case when chartdate is not null then 'day' end",
            },
            event="chartdate",
        )
    }}
from {{ source("mimic_iv", "mimic_iv_hcpcsevents") }}

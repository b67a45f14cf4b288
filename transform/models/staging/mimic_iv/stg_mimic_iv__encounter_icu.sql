-- One row per copy of an ICU stay, a part of an admission. The first care unit is the code.
select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_icustays'",
                "source_id": "stay_id",
                "encounter_key": "stay_id",
                "code_system": "'mimic_iv_careunit'",
                "code": "first_careunit",
                "display": "first_careunit",
                "category": "'ACUTE'",
                "status": "case when outtime is null then 'in-progress' else 'finished' end",
                "event_end_at": "outtime",
            },
            event="intime",
        )
    }}
from {{ source("mimic_iv", "mimic_iv_icustays") }}

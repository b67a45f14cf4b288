-- One row per copy of an admission. Its type is the code; the class follows HL7 v3 ActCode.
select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_admissions'",
                "source_id": "hadm_id",
                "encounter_key": "hadm_id",
                "code_system": "'mimic_iv_admission_type'",
                "code": "admission_type",
                "display": "admission_type",
                "category": "case when admission_type like '%OBSERVATION%' then 'OBSENC' else 'IMP' end",
                "status": "case when dischtime is null then 'in-progress' else 'finished' end",
                "event_end_at": "dischtime",
            },
            event="admittime",
        )
    }}
from {{ source("mimic_iv", "mimic_iv_admissions") }}

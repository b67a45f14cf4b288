-- One row per delivered copy of a patient: the age that is stated for a year.
select
    {{
        mimic_iv_record(
            {
                "source_table": "'mimic_iv_patients'",
                "source_id": "subject_id",
                "component": "'age'",
                "code_system": "'loinc'",
                "code": "'30525-0'",
                "display": "'Age'",
                "category": "'demographics'",
                "value_num": "anchor_age",
                "unit_src": "'a'",
                "event_text": "anchor_year",
                "event_at": "make_timestamp(anchor_year, 1, 1, 0, 0, 0)",
                "event_precision": "'year'",
            }
        )
    }}
from {{ source("mimic_iv", "mimic_iv_patients") }}

-- One row per delivered copy of a procedure.
select
    {{
        staged_record(
            {
                "source_table": "'synthea_procedures'",
                "source_id": "concat_ws('|', patient, encounter, code, start)",
                "source_person_key": "patient",
                "encounter_key": "encounter",
                "code": "code",
                "display": "description",
                "code_system": "'http://snomed.info/sct'",
                "status": "'completed'",
                "value_code_system": "case when reasoncode is not null then 'http://snomed.info/sct' end",
                "value_code": "reasoncode",
            },
            event="start",
            end="stop",
        )
    }}
from {{ source("synthea", "synthea_procedures") }}

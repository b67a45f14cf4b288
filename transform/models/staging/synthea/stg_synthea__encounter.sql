-- One row per delivered copy of an encounter.
select
    {{
        staged_record(
            {
                "source_table": "'synthea_encounters'",
                "source_id": "id",
                "source_person_key": "patient",
                "encounter_key": "id",
                "code": "code",
                "display": "description",
                "code_system": "'http://snomed.info/sct'",
                "category": "encounterclass",
                "status": "'finished'",
                "value_text": "organization",
                "value_code": "reasoncode",
            },
            event="start",
            end="stop",
        )
    }}
from {{ source("synthea", "synthea_encounters") }}

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
                "event_text": "start",
                "event_at": time_start("start"),
                "event_end_at": time_end("stop"),
                "event_precision": time_precision("start"),
            }
        )
    }}
from {{ source("synthea", "synthea_encounters") }}

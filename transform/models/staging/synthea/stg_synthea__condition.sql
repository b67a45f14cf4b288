-- One row per delivered copy of a condition. Its key is what tells it apart in the export: it has no id.
select
    {{
        staged_record(
            {
                "source_table": "'synthea_conditions'",
                "source_id": "concat_ws('|', patient, encounter, code, start)",
                "source_person_key": "patient",
                "encounter_key": "encounter",
                "code": "code",
                "display": "description",
                "code_system": "'http://snomed.info/sct'",
            },
            event="start",
            end="stop",
        )
    }}
from {{ source("synthea", "synthea_conditions") }}

-- One row per delivered copy of a device.
select
    {{
        staged_record(
            {
                "source_table": "'synthea_devices'",
                "source_id": "concat_ws('|', patient, encounter, code, start, udi)",
                "source_person_key": "patient",
                "encounter_key": "encounter",
                "code": "code",
                "display": "description",
                "code_system": "'http://snomed.info/sct'",
                "value_text": "udi",
            },
            event="start",
            end="stop",
        )
    }}
from {{ source("synthea", "synthea_devices") }}

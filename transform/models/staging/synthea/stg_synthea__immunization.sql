-- One row per delivered copy of an immunization.
select
    {{
        staged_record(
            {
                "source_table": "'synthea_immunizations'",
                "source_id": "concat_ws('|', patient, encounter, code, date)",
                "source_person_key": "patient",
                "encounter_key": "encounter",
                "code": "code",
                "display": "description",
                "code_system": "'http://hl7.org/fhir/sid/cvx'",
                "status": "'completed'",
            },
            event="date",
        )
    }}
from {{ source("synthea", "synthea_immunizations") }}

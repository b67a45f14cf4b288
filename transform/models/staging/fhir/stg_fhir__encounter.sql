select
    {{
        fhir_record(
            {
                "source_table": "'fhir_encounter'",
                "encounter_key": "id",
                "category": "class_code",
                "is_retracted": "coalesce(status in ('entered-in-error', 'cancelled'), false)",
                "value_text": "service_provider",
                "value_code": "reason_code",
            },
            event="period_start",
            end="period_end",
        )
    }}
from {{ source("fhir", "fhir_encounter") }}

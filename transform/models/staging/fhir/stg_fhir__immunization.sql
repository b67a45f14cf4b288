select
    {{
        fhir_record(
            {
                "source_table": "'fhir_immunization'",
                "is_retracted": "coalesce(status in ('entered-in-error', 'not-done'), false)",
            },
            event="occurrence",
            recorded="recorded",
        )
    }}
from {{ source("fhir", "fhir_immunization") }}

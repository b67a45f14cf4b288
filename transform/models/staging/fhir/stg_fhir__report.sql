select
    {{
        fhir_record(
            {
                "source_table": "'fhir_diagnostic_report'",
                "category": "category",
                "is_retracted": "coalesce(status in ('entered-in-error', 'cancelled'), false)",
                "is_revision": "coalesce(status in ('amended', 'corrected', 'appended'), false)",
                "value_text": "conclusion",
            },
            event="effective_start",
            end="effective_end",
            recorded="issued",
        )
    }}
from {{ source("fhir", "fhir_diagnostic_report") }}

-- A refuted diagnosis counts as taken back: nobody may read it as present.
select
    {{
        fhir_record(
            {
                "source_table": "'fhir_condition'",
                "display": "coalesce(code_display, code_text)",
                "category": "category",
                "status": "lower(clinical_status)",
                "is_retracted": "coalesce(verification_status in ('entered-in-error', 'refuted'), false)",
            },
            event="onset",
            end="abatement",
            recorded="recorded_date",
        )
    }}
from {{ source("fhir", "fhir_condition") }}

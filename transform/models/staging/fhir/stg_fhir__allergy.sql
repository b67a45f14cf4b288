-- A refuted allergy counts as taken back.
select
    {{
        fhir_record(
            {
                "source_table": "'fhir_allergy_intolerance'",
                "encounter_key": none,
                "category": "category",
                "status": "lower(clinical_status)",
                "is_retracted": "coalesce(verification_status in ('entered-in-error', 'refuted'), false)",
                "value_text": "criticality",
            },
            event="onset",
            recorded="recorded_date",
        )
    }}
from {{ source("fhir", "fhir_allergy_intolerance") }}

-- Where people went on discharge: an answer about the stay, under its LOINC code.
select distinct
    {{
        fhir_record(
            {
                "source_table": "'fhir_encounter'",
                "component": "'discharge'",
                "encounter_key": "id",
                "code_no": "1",
                "code_system": "'http://loinc.org'",
                "code": "'55128-3'",
                "display": "'Discharge disposition'",
                "category": "'discharge'",
                "is_retracted": "coalesce(status in ('entered-in-error', 'cancelled'), false)",
                "value_text": "discharge_display",
                "value_code_system": "discharge_system",
                "value_code": "discharge_code",
            },
            event="coalesce(period_end, period_start)",
        )
    }}
from {{ source("fhir", "fhir_encounter") }}
where discharge_code is not null

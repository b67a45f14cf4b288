-- The history is true of the person when it is taken: its date is both event and record.
select
    {{
        fhir_record(
            {
                "source_table": "'fhir_family_member_history'",
                "component": "condition_no",
                "encounter_key": none,
                "category": "relationship_code",
                "value_num": "onset_age_years",
                "value_text": "relationship_display",
                "unit_src": "case when onset_age_years is not null then 'a' end",
            },
            event="date",
            recorded="date",
        )
    }}
from {{ source("fhir", "fhir_family_member_history") }}

-- One row per allergy observation and coding of the substance. A negated one (no known allergy) stands
-- as taken back.
select
    {{
        ccda_record(
            {
                "source_table": "'ccda_allergy'",
                "display": "coalesce(code_display, code_text, substance_name)",
                "category": "lower(allergy_type_display)",
                "status": ccda_status("allergy_status"),
                "value_text": "coalesce(criticality, severity)",
                "value_code": "reaction",
            },
            apart=none,
            end="end_at_iso",
        )
    }}
from {{ ccda_statements(source("ccda", "ccda_allergy")) }}

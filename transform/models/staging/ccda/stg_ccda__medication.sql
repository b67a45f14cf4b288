-- One row per medication activity and coding. What must not be taken stands in stg_ccda__not_done.
select
    {{
        ccda_record(
            {
                "source_table": "'ccda_medication'",
                "display": "coalesce(code_display, code_text, drug_name)",
                "category": "lower(mood)",
                "value_num": "try_cast(dose as double)",
                "value_text": "route_display",
                "unit_src": "dose_unit",
            },
            end="end_at_iso",
        )
    }}
from {{ ccda_statements(source("ccda", "ccda_medication")) }}
where not is_negated

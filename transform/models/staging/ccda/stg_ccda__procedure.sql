-- One row per procedure and coding. What was not done stands in stg_ccda__not_done.
select
    {{
        ccda_record(
            {
                "source_table": "'ccda_procedure'",
                "value_text": "coalesce(target_site_display, value_display)",
                "value_code": "value_code",
            },
            end="end_at_iso",
        )
    }}
from {{ ccda_statements(source("ccda", "ccda_procedure")) }}
where not is_negated

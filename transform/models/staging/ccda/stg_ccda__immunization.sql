-- One row per vaccination and coding. What was refused stands in stg_ccda__not_done.
select
    {{
        ccda_record(
            {
                "source_table": "'ccda_immunization'",
                "value_num": "try_cast(dose as double)",
                "value_text": "lot_number",
                "unit_src": "dose_unit",
            },
        )
    }}
from {{ ccda_statements(source("ccda", "ccda_immunization")) }}
where not is_negated

-- One row per encounter, or encompassing encounter of a document, and coding.
select
    {{
        ccda_record(
            {
                "source_table": "'ccda_encounter'",
                "encounter_key": "nullif(concat_ws('^', id_extension, id_root), '')",
                "is_retracted": "coalesce(lower(status) in ('nullified', 'cancelled'), false)",
                "value_text": "location",
            },
            end="end_at_iso",
        )
    }}
from {{ ccda_statements(source("ccda", "ccda_encounter")) }}

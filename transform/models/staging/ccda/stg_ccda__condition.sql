-- One row per problem observation and coding. A negated problem (the patient does not have it) is no
-- condition: it stands as taken back.
select
    {{
        ccda_record(
            {
                "source_table": "'ccda_problem'",
                "encounter_key": "nullif(concat_ws('^', encounter_extension, encounter_root), '')",
                "category": "category",
                "status": ccda_status("problem_status"),
            },
            apart=none,
            end="end_at_iso",
        )
    }}
from {{ ccda_statements(source("ccda", "ccda_problem")) }}

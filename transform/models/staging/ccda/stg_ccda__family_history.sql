-- One row per family history observation and coding of the condition.
select
    {{
        ccda_record(
            {
                "source_table": "'ccda_family_history'",
                "component": "coalesce(relationship, '')",
                "category": "relationship",
                "value_num": "try_cast(onset_age as double) / case onset_age_unit when 'a' then 1 when 'mo' then 12 end",
                "unit_src": "case when onset_age_unit in ('a', 'mo') and onset_age is not null then 'a' end",
            },
            apart="relationship",
        )
    }}
from {{ ccda_statements(source("ccda", "ccda_family_history")) }}

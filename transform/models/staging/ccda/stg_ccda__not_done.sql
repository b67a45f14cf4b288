-- One row per medication, vaccination or procedure that was not given or done (negationInd) and
-- coding, with the reason.
with
    refused as (
        {% for kind, reason in {
            "medication": "null",
            "immunization": "refusal_reason",
            "procedure": "null",
        }.items() %}
            select *, '{{ kind }}' as category, cast({{ reason }} as varchar) as reason
            from {{ source("ccda", "ccda_" ~ kind) }}
            where negation = 'true'
            {% if not loop.last %}
                union all by name
            {% endif %}
        {% endfor %}
    )

select
    {{
        ccda_record(
            {
                "source_table": "'ccda_' || category",
                "category": "category",
                "is_retracted": "coalesce(lower(status) in ('nullified', 'cancelled'), false)",
                "value_code": "reason",
            },
        )
    }}
from {{ ccda_statements("refused") }}

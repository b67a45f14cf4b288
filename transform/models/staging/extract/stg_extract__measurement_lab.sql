select
    {{
        extract_measurement(
            {
                "source_table": "'lab_result'",
                "category": "'laboratory'",
                "comparator": "comparator",
                "ref_low": "ref_low",
                "ref_high": "ref_high",
            },
            event="collected_at",
            recorded="resulted_at",
        )
    }}
from {{ source("extract", "lab_result") }}

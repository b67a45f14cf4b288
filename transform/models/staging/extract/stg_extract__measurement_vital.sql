select
    {{
        extract_measurement(
            {"source_table": "'vital_sign'", "category": "'vital-signs'"},
            event="measured_at",
            recorded="recorded_at",
        )
    }}
from {{ source("extract", "vital_sign") }}

select
    {{
        fhir_record(
            {
                "source_table": "'fhir_device'",
                "encounter_key": none,
                "value_text": "concat_ws(' ', manufacturer, model)",
            }
        )
    }}
from {{ source("fhir", "fhir_device") }}

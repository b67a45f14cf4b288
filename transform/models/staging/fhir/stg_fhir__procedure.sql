-- What was not done stands in stg_fhir__not_done.
select
    {{
        fhir_record(
            {
                "source_table": "'fhir_procedure'",
                "value_code_system": "reason_system",
                "value_code": "reason_code",
            },
            event="performed_start",
            end="performed_end",
        )
    }}
from {{ source("fhir", "fhir_procedure") }}
where coalesce(lower(status) <> 'not-done', true)

-- What was not done for a reason stands in stg_fhir__not_done. A number keeps the form it is written in as
-- value_text: 1.50 says more than 1.5 (FHIR R4, decimal).
select
    {{
        fhir_record(
            {
                "source_table": "'fhir_observation'",
                "component": "component_no",
                "display": "coalesce(code_display, code_text)",
                "category": "category",
                "is_retracted": "coalesce(status in ('entered-in-error', 'cancelled'), false)",
                "is_revision": "coalesce(status in ('amended', 'corrected'), false)",
                "value_num": "value_num",
                "comparator": "comparator",
                "value_text": "coalesce(value_text, value_code_display, value_literal)",
                "value_code_system": "value_code_system",
                "value_code": "value_code",
                "unit_src": "coalesce(case when unit_system = 'http://unitsofmeasure.org' then unit_code end, unit, unit_code)",
                "ref_low": "ref_low",
                "ref_high": "ref_high",
            },
            event="effective_start",
            end="effective_end",
            recorded="issued",
        )
    }}
from {{ source("fhir", "fhir_observation") }}
where (lower(status) = 'cancelled' and not_done_reason_code is not null and component_no = 0) is not true

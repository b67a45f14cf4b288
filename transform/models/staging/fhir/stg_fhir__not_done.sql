-- What was deliberately not done, and why: refused, contraindicated. Absence with a reason is a fact of its
-- own.
with
    final as (
        {% for request, category in {
            "medication": "medication",
            "service": "order",
            "device": "order",
        }.items() %}
            select
                {{
                    fhir_record(
                        {
                            "source_table": "'fhir_" ~ request ~ "_request'",
                            "display": "coalesce(code_display, code_text)",
                            "category": "'" ~ category ~ "'",
                            "value_code_system": "reason_system",
                            "value_code": "reason_code",
                        },
                        event="authored_on",
                        recorded="authored_on",
                    )
                }}
            from {{ source("fhir", "fhir_" ~ request ~ "_request") }}
            where do_not_perform
            union all
        {% endfor %}
        select
            {{
                fhir_record(
                    {
                        "source_table": "'fhir_procedure'",
                        "category": "'procedure'",
                        "is_retracted": "false",
                        "value_code_system": "reason_system",
                        "value_code": "reason_code",
                    },
                    event="performed_start",
                    end="performed_end",
                )
            }}
        from {{ source("fhir", "fhir_procedure") }}
        where lower(status) = 'not-done'
        union all
        select
            {{
                fhir_record(
                    {
                        "source_table": "'fhir_observation'",
                        "component": "component_no",
                        "display": "coalesce(code_display, code_text)",
                        "category": "'measurement'",
                        "is_retracted": "false",
                        "value_code_system": "not_done_reason_system",
                        "value_code": "not_done_reason_code",
                    },
                    event="effective_start",
                    end="effective_end",
                    recorded="issued",
                )
            }}
        from {{ source("fhir", "fhir_observation") }}
        where lower(status) = 'cancelled' and not_done_reason_code is not null and component_no = 0
    )

select *
from final

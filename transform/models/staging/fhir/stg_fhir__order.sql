-- What was asked for. A request that something must not be done is no order: it stands in stg_fhir__not_done.
{% for request in ["fhir_service_request", "fhir_device_request"] %}
    select
        {{
            fhir_record(
                {
                    "source_table": "'" ~ request ~ "'",
                    "display": "coalesce(code_display, code_text)",
                    "category": "intent",
                    "is_retracted": "coalesce(status in ('entered-in-error', 'revoked', 'cancelled'), false)",
                    "value_code_system": "reason_system",
                    "value_code": "reason_code",
                },
                event="authored_on",
                recorded="authored_on",
            )
        }}
    from {{ source("fhir", request) }}
    where do_not_perform is not true
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}

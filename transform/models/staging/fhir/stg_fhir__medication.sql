-- A request that a drug must not be given stands in stg_fhir__not_done.
with
    requests as (select * from {{ source("fhir", "fhir_medication_request") }}),

    -- a drug may be a resource of its own; its last copy counts
    products as (
        select *
        from {{ source("fhir", "fhir_medication") }}
        where code is not null
        qualify
            dense_rank() over (
                partition by source, id order by last_updated desc nulls last, file_id, record_no
            )
            = 1
    ),

    drugs as (
        select
            requests.* replace (
                coalesce(requests.coding_no, products.coding_no) as coding_no,
                coalesce(requests.code_system, products.code_system) as code_system,
                coalesce(requests.code, products.code) as code,
                coalesce(requests.code_display, products.code_display) as code_display,
                coalesce(requests.code_text, products.code_text) as code_text
            )
        from requests
        left join
            products
            on products.source = requests.source
            and products.id = requests.medication_id
            and requests.code is null
        where requests.do_not_perform is not true
    )

select
    {{
        fhir_record(
            {
                "source_table": "'fhir_medication_request'",
                "display": "coalesce(code_display, code_text)",
                "category": "intent",
                "is_retracted": "coalesce(status in ('entered-in-error', 'cancelled'), false)",
                "value_num": "dose_value",
                "value_text": "dose_text",
                "value_code_system": "reason_system",
                "value_code": "reason_code",
                "unit_src": "dose_unit",
                "event_text": "coalesce(validity_start, authored_on)",
                "event_at": "coalesce("
                ~ time_start("validity_start")
                ~ ", "
                ~ time_start("authored_on")
                ~ ")",
                "event_precision": "coalesce("
                ~ time_precision("validity_start")
                ~ ", "
                ~ time_precision("authored_on")
                ~ ")",
            },
            end="validity_end",
            recorded="authored_on",
        )
    }}
from drugs

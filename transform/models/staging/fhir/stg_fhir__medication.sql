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

    raw as (
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
    ),

    final as (
        select
            source as source_system,
            'fhir_medication_request' as source_table,
            id as source_id,
            '' as component,
            patient_id as source_person_key,
            encounter_id as encounter_key,
            coding_no as code_no,
            code_system,
            code,
            coalesce(code_display, code_text) as display,
            intent as category,
            lower(status) as status,
            coalesce(status in ('entered-in-error', 'cancelled'), false) as is_retracted,
            false as is_revision,
            dose_value as value_num,
            cast(null as varchar) as comparator,
            dose_text as value_text,
            reason_system as value_code_system,
            reason_code as value_code,
            dose_unit as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            coalesce(validity_start, authored_on) as event_text,
            coalesce({{ time_start("validity_start") }}, {{ time_start("authored_on") }}) as event_at,
            {{ time_end("validity_end") }} as event_end_at,
            coalesce(
                {{ time_precision("validity_start") }}, {{ time_precision("authored_on") }}
            ) as event_precision,
            {{ time_start("authored_on") }} as recorded_at,
            {{ time_precision("authored_on") }} as recorded_precision,
            {{ time_start("last_updated") }} as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final

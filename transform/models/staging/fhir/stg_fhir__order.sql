-- What was asked for. A request that something must not be done is no order: it stands in stg_fhir__not_done.
with
    services as (select * from {{ source("fhir", "fhir_service_request") }}),

    devices as (select * from {{ source("fhir", "fhir_device_request") }}),

    final as (
        select
            source as source_system,
            'fhir_service_request' as source_table,
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
            coalesce(status in ('entered-in-error', 'revoked', 'cancelled'), false) as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            reason_system as value_code_system,
            reason_code as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            authored_on as event_text,
            {{ time_start("authored_on") }} as event_at,
            cast(null as timestamp) as event_end_at,
            {{ time_precision("authored_on") }} as event_precision,
            {{ time_start("authored_on") }} as recorded_at,
            {{ time_precision("authored_on") }} as recorded_precision,
            {{ time_start("last_updated") }} as updated_at,
            file_id,
            record_no
        from services
        where do_not_perform is not true
        union all
        select
            source as source_system,
            'fhir_device_request' as source_table,
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
            coalesce(status in ('entered-in-error', 'revoked', 'cancelled'), false) as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            reason_system as value_code_system,
            reason_code as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            authored_on as event_text,
            {{ time_start("authored_on") }} as event_at,
            cast(null as timestamp) as event_end_at,
            {{ time_precision("authored_on") }} as event_precision,
            {{ time_start("authored_on") }} as recorded_at,
            {{ time_precision("authored_on") }} as recorded_precision,
            {{ time_start("last_updated") }} as updated_at,
            file_id,
            record_no
        from devices
        where do_not_perform is not true
    )

select *
from final

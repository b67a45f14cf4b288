with
    raw as (select * from {{ source("fhir", "fhir_medication_request") }}),

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
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
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

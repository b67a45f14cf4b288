-- What was not done stands in stg_fhir__not_done.
with
    raw as (select * from {{ source("fhir", "fhir_procedure") }}),

    final as (
        select
            source as source_system,
            'fhir_procedure' as source_table,
            id as source_id,
            '' as component,
            patient_id as source_person_key,
            encounter_id as encounter_key,
            coding_no as code_no,
            code_system,
            code,
            code_display as display,
            cast(null as varchar) as category,
            lower(status) as status,
            coalesce(status = 'entered-in-error', false) as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            reason_system as value_code_system,
            reason_code as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            performed_start as event_text,
            {{ time_start("performed_start") }} as event_at,
            {{ time_end("performed_end") }} as event_end_at,
            {{ time_precision("performed_start") }} as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            {{ time_start("last_updated") }} as updated_at,
            file_id,
            record_no
        from raw
        where coalesce(lower(status) <> 'not-done', true)
    )

select *
from final

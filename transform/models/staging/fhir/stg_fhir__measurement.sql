-- What was not done for a reason stands in stg_fhir__not_done.
with
    raw as (select * from {{ source("fhir", "fhir_observation") }}),

    final as (
        select
            source as source_system,
            'fhir_observation' as source_table,
            id as source_id,
            cast(component_no as varchar) as component,
            patient_id as source_person_key,
            encounter_id as encounter_key,
            coding_no as code_no,
            code_system,
            code,
            coalesce(code_display, code_text) as display,
            category,
            lower(status) as status,
            coalesce(status in ('entered-in-error', 'cancelled'), false) as is_retracted,
            coalesce(status in ('amended', 'corrected'), false) as is_revision,
            value_num,
            comparator,
            coalesce(value_text, value_code_display) as value_text,
            value_code_system,
            value_code,
            coalesce(
                case when unit_system = 'http://unitsofmeasure.org' then unit_code end, unit, unit_code
            ) as unit_src,
            ref_low,
            ref_high,
            effective_start as event_text,
            {{ time_start("effective_start") }} as event_at,
            {{ time_end("effective_end") }} as event_end_at,
            {{ time_precision("effective_start") }} as event_precision,
            {{ time_start("issued") }} as recorded_at,
            {{ time_precision("issued") }} as recorded_precision,
            {{ time_start("last_updated") }} as updated_at,
            file_id,
            record_no
        from raw
        where
            (lower(status) = 'cancelled' and not_done_reason_code is not null and component_no = 0)
            is not true
    )

select *
from final

-- The history is true of the person when it is taken: its date is both event and record.
with
    raw as (select * from {{ source("fhir", "fhir_family_member_history") }}),

    final as (
        select
            source as source_system,
            'fhir_family_member_history' as source_table,
            id as source_id,
            cast(condition_no as varchar) as component,
            patient_id as source_person_key,
            cast(null as varchar) as encounter_key,
            coding_no as code_no,
            code_system,
            code,
            code_display as display,
            relationship_code as category,
            lower(status) as status,
            coalesce(status = 'entered-in-error', false) as is_retracted,
            false as is_revision,
            onset_age_years as value_num,
            cast(null as varchar) as comparator,
            relationship_display as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            case when onset_age_years is not null then 'a' end as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            date as event_text,
            {{ time_start("date") }} as event_at,
            cast(null as timestamp) as event_end_at,
            {{ time_precision("date") }} as event_precision,
            {{ time_start("date") }} as recorded_at,
            {{ time_precision("date") }} as recorded_precision,
            {{ time_start("last_updated") }} as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final

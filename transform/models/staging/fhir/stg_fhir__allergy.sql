with
    raw as (select * from {{ source("fhir", "fhir_allergy_intolerance") }}),

    final as (
        select
            source as source_system,
            'fhir_allergy_intolerance' as source_table,
            id as source_id,
            '' as component,
            patient_id as source_person_key,
            cast(null as varchar) as encounter_key,
            coding_no as code_no,
            code_system,
            code,
            code_display as display,
            category,
            lower(clinical_status) as status,
            coalesce(verification_status in ('entered-in-error', 'refuted'), false) as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            criticality as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            onset as event_text,
            {{ time_start("onset") }} as event_at,
            cast(null as timestamp) as event_end_at,
            {{ time_precision("onset") }} as event_precision,
            {{ time_start("recorded_date") }} as recorded_at,
            {{ time_precision("recorded_date") }} as recorded_precision,
            {{ time_start("last_updated") }} as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final

with
    raw as (select * from {{ source("fhir", "fhir_deleted") }}),

    final as (
        select
            source as source_system,
            -- Observation -> fhir_observation, MedicationRequest -> fhir_medication_request
            'fhir_' || lower(regexp_replace(resource_type, '([a-z])([A-Z])', '\1_\2', 'g')) as source_table,
            id as source_id,
            deleted_at as deleted_text,
            {{ time_start("deleted_at") }} as deleted_at,
            file_id,
            record_no
        from raw
    )

select *
from final

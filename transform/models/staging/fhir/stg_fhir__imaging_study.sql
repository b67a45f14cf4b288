with
    raw as (select * from {{ source("fhir", "fhir_imaging_study") }}),

    final as (
        select
            source as source_system,
            'fhir_imaging_study' as source_table,
            id as source_id,
            '' as component,
            patient_id as source_person_key,
            encounter_id as encounter_key,
            cast(1 as bigint) as code_no,
            case when body_site_code is not null then 'http://snomed.info/sct' end as code_system,
            body_site_code as code,
            coalesce(body_site_display, description) as display,
            modality as category,
            lower(status) as status,
            coalesce(status = 'entered-in-error', false) as is_retracted,
            false as is_revision,
            cast(instance_count as double) as value_num,
            cast(null as varchar) as comparator,
            description as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            case when instance_count is not null then '{instance}' end as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            started as event_text,
            {{ time_start("started") }} as event_at,
            cast(null as timestamp) as event_end_at,
            {{ time_precision("started") }} as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            {{ time_start("last_updated") }} as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final

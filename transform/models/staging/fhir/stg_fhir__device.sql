with
    raw as (select * from {{ source("fhir", "fhir_device") }}),

    final as (
        select
            source as source_system,
            'fhir_device' as source_table,
            id as source_id,
            '' as component,
            patient_id as source_person_key,
            cast(null as varchar) as encounter_key,
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
            concat_ws(' ', manufacturer, model) as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(null as varchar) as event_text,
            cast(null as timestamp) as event_at,
            cast(null as timestamp) as event_end_at,
            cast(null as varchar) as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            {{ time_start("last_updated") }} as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final

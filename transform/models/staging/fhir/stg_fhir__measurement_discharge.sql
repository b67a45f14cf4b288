-- Where people went on discharge: an answer about the stay, under its LOINC code.
with
    raw as (select * from {{ source("fhir", "fhir_encounter") }}),

    final as (
        select distinct
            source as source_system,
            'fhir_encounter' as source_table,
            id as source_id,
            'discharge' as component,
            patient_id as source_person_key,
            id as encounter_key,
            cast(1 as bigint) as code_no,
            'http://loinc.org' as code_system,
            '55128-3' as code,
            'Discharge disposition' as display,
            'discharge' as category,
            lower(status) as status,
            coalesce(status in ('entered-in-error', 'cancelled'), false) as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            discharge_display as value_text,
            discharge_system as value_code_system,
            discharge_code as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            coalesce(period_end, period_start) as event_text,
            {{ time_start("coalesce(period_end, period_start)") }} as event_at,
            cast(null as timestamp) as event_end_at,
            {{ time_precision("coalesce(period_end, period_start)") }} as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            {{ time_start("last_updated") }} as updated_at,
            file_id,
            record_no
        from raw
        where discharge_code is not null
    )

select *
from final

with
    raw as (select * from {{ source("extract", "vital_sign") }}),

    final as (
        select
            source as source_system,
            'vital_sign' as source_table,
            coalesce(
                result_id,
                md5(concat_ws('|', patient_id, code, coalesce(measured_at, timestamp '1900-01-01'), name))
            ) as source_id,
            '' as component,
            patient_id as source_person_key,
            encounter_id as encounter_key,
            cast(1 as bigint) as code_no,
            code_system,
            code,
            name as display,
            'vital-signs' as category,
            lower(status) as status,
            coalesce(
                upper(status) in ('X', 'D', 'W', 'CANCELLED', 'ENTERED-IN-ERROR'), false
            ) as is_retracted,
            coalesce(upper(status) in ('C', 'CORRECTED', 'AMENDED'), false) as is_revision,
            value_num,
            cast(null as varchar) as comparator,
            value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            unit as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(measured_at as varchar) as event_text,
            measured_at as event_at,
            cast(null as timestamp) as event_end_at,
            case when measured_at is not null then 'second' end as event_precision,
            recorded_at,
            case when recorded_at is not null then 'second' end as recorded_precision,
            recorded_at as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final

-- One row per copy of a billed HCPCS event.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_hcpcsevents") }}),

    final as (
        select
            raw.source as source_system,
            'mimic_iv_hcpcsevents' as source_table,
            concat_ws('-', raw.hadm_id, raw.chartdate, raw.hcpcs_cd, raw.seq_num) as source_id,
            '' as component,
            cast(raw.subject_id as varchar) as source_person_key,
            cast(raw.hadm_id as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            'hcpcs' as code_system,
            trim(raw.hcpcs_cd) as code,
            raw.short_description as display,
            'billed' as category,
            cast(null as varchar) as status,
            false as is_retracted,
            false as is_revision,
            cast(null as double) as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(raw.chartdate as varchar) as event_text,
            cast(raw.chartdate as timestamp) as event_at,
            cast(null as timestamp) as event_end_at,
            case when raw.chartdate is not null then 'day' end as event_precision,
            cast(null as timestamp) as recorded_at,
            cast(null as varchar) as recorded_precision,
            cast(null as timestamp) as updated_at,
            raw.file_id,
            raw.record_no
        from raw
    )

select *
from final

-- One row per copy of a measured output (urine, drains) in the ICU.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_outputevents") }}),

    items as (
        select itemid, min(label) as label from {{ source("mimic_iv", "mimic_iv_d_items") }} group by itemid
    ),

    final as (
        select
            raw.source as source_system,
            'mimic_iv_outputevents' as source_table,
            concat_ws('-', raw.stay_id, raw.itemid, raw.charttime) as source_id,
            '' as component,
            cast(raw.subject_id as varchar) as source_person_key,
            cast(raw.stay_id as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            'mimic_iv_item' as code_system,
            cast(raw.itemid as varchar) as code,
            items.label as display,
            'output' as category,
            cast(null as varchar) as status,
            false as is_retracted,
            false as is_revision,
            raw.value as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            raw.valueuom as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(raw.charttime as varchar) as event_text,
            raw.charttime as event_at,
            cast(null as timestamp) as event_end_at,
            'second' as event_precision,
            raw.storetime as recorded_at,
            case when raw.storetime is not null then 'second' end as recorded_precision,
            cast(null as timestamp) as updated_at,
            raw.file_id as file_id,
            raw.record_no as record_no
        from raw
        left join items on items.itemid = raw.itemid
    )

select *
from final

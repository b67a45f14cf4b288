-- One row per copy of an infusion, bolus or intake in the ICU: what was given, with its amount. The rate is
-- a measurement of its own.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_inputevents") }}),

    items as (
        select itemid, min(label) as label from {{ source("mimic_iv", "mimic_iv_d_items") }} group by itemid
    ),

    final as (
        select
            raw.source as source_system,
            'mimic_iv_inputevents' as source_table,
            concat_ws('-', raw.stay_id, raw.orderid, raw.itemid) as source_id,
            '' as component,
            cast(raw.subject_id as varchar) as source_person_key,
            cast(raw.stay_id as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            'mimic_iv_item' as code_system,
            cast(raw.itemid as varchar) as code,
            items.label as display,
            'administration' as category,
            lower(raw.statusdescription) as status,
            false as is_retracted,
            false as is_revision,
            raw.amount as value_num,
            cast(null as varchar) as comparator,
            cast(null as varchar) as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            raw.amountuom as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(raw.starttime as varchar) as event_text,
            raw.starttime as event_at,
            raw.endtime as event_end_at,
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

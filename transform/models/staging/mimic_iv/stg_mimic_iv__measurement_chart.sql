-- One row per copy of a charted ICU item and coding (LOINC where the seed has the item), known when it was
-- stored.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_chartevents") }}),

    items as (
        select itemid, min(label) as label from {{ source("mimic_iv", "mimic_iv_d_items") }} group by itemid
    ),

    concepts as (select * from {{ ref("mimic_iv_item_concept") }}),

    coded as (
        -- the coding that means something elsewhere first, the item's own number always
        select
            raw.*,
            cast(1 as bigint) as code_no,
            'loinc' as code_system,
            concepts.loinc as code,
            items.label as display
        from raw
        inner join concepts on concepts.itemid = raw.itemid
        left join items on items.itemid = raw.itemid
        union all
        select
            raw.*,
            cast(2 as bigint) as code_no,
            'mimic_iv_item' as code_system,
            cast(raw.itemid as varchar) as code,
            items.label as display
        from raw
        left join items on items.itemid = raw.itemid
    ),

    final as (
        select
            coded.source as source_system,
            'mimic_iv_chartevents' as source_table,
            concat_ws('-', coded.stay_id, coded.itemid, coded.charttime, coded.storetime) as source_id,
            '' as component,
            cast(coded.subject_id as varchar) as source_person_key,
            cast(coded.stay_id as varchar) as encounter_key,
            coded.code_no,
            coded.code_system,
            coded.code,
            coded.display,
            'vital-signs' as category,
            cast(null as varchar) as status,
            false as is_retracted,
            false as is_revision,
            coded.valuenum as value_num,
            cast(null as varchar) as comparator,
            case when coded.valuenum is null then coded.value end as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            nullif(trim(coded.valueuom), '') as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(coded.charttime as varchar) as event_text,
            coded.charttime as event_at,
            cast(null as timestamp) as event_end_at,
            case when coded.charttime is not null then 'second' end as event_precision,
            coded.storetime as recorded_at,
            case when coded.storetime is not null then 'second' end as recorded_precision,
            cast(null as timestamp) as updated_at,
            coded.file_id,
            coded.record_no
        from coded
    )

select *
from final

-- One row per copy of a laboratory result and coding (LOINC where the seed has the item), known when
-- it was stored. Results that are words stand in `value` or, where that is empty or masked (`___`), in
-- `comments`.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_labevents") }}),

    items as (
        select itemid, min(label) as label
        from {{ source("mimic_iv", "mimic_iv_d_labitems") }}
        group by itemid
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
            'mimic_iv_labevents' as source_table,
            cast(coded.labevent_id as varchar) as source_id,
            '' as component,
            cast(coded.subject_id as varchar) as source_person_key,
            cast(coded.hadm_id as varchar) as encounter_key,
            coded.code_no,
            coded.code_system,
            coded.code,
            coded.display,
            'laboratory' as category,
            'final' as status,
            false as is_retracted,
            false as is_revision,
            coalesce(
                coded.valuenum,
                try_cast(
                    nullif(
                        regexp_extract(coded.value, '^\s*(?:<=|>=|<|>)\s*([0-9]+\.?[0-9]*)\s*$', 1), ''
                    ) as double
                )
            ) as value_num,
            nullif(regexp_extract(coded.value, '^\s*(<=|>=|<|>)\s*[0-9]', 1), '') as comparator,
            case
                when coded.valuenum is null
                then coalesce(nullif(trim(coded.value), '___'), nullif(trim(coded.comments), '___'))
            end as value_text,
            cast(null as varchar) as value_code_system,
            cast(null as varchar) as value_code,
            nullif(nullif(trim(coded.valueuom), ''), 'N/A') as unit_src,
            coded.ref_range_lower as ref_low,
            coded.ref_range_upper as ref_high,
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

-- One row per copy of a microbiology result: a test, an organism it grew, or an antibiotic tested against it.
-- Half of the cultures are known days after the specimen was taken.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_microbiologyevents") }}),

    final as (
        select
            raw.source as source_system,
            'mimic_iv_microbiologyevents' as source_table,
            cast(raw.microevent_id as varchar) as source_id,
            '' as component,
            cast(raw.subject_id as varchar) as source_person_key,
            cast(raw.hadm_id as varchar) as encounter_key,
            cast(1 as bigint) as code_no,
            'mimic_iv_item' as code_system,
            cast(coalesce(raw.ab_itemid, raw.test_itemid) as varchar) as code,
            coalesce(raw.ab_name, raw.test_name) as display,
            'microbiology' as category,
            'final' as status,
            false as is_retracted,
            false as is_revision,
            raw.dilution_value as value_num,
            case
                when trim(raw.dilution_comparison) in ('<', '<=', '>', '>=')
                then trim(raw.dilution_comparison)
            end as comparator,
            coalesce(raw.interpretation, raw.org_name, nullif(trim(raw.comments), '___')) as value_text,
            case when raw.org_itemid is not null then 'mimic_iv_item' end as value_code_system,
            cast(raw.org_itemid as varchar) as value_code,
            cast(null as varchar) as unit_src,
            cast(null as double) as ref_low,
            cast(null as double) as ref_high,
            cast(coalesce(raw.charttime, raw.chartdate) as varchar) as event_text,
            coalesce(raw.charttime, raw.chartdate) as event_at,
            cast(null as timestamp) as event_end_at,
            case
                when raw.charttime is not null then 'second' when raw.chartdate is not null then 'day'
            end as event_precision,
            coalesce(raw.storetime, raw.storedate) as recorded_at,
            case
                when raw.storetime is not null then 'second' when raw.storedate is not null then 'day'
            end as recorded_precision,
            cast(null as timestamp) as updated_at,
            raw.file_id,
            raw.record_no
        from raw
    )

select *
from final

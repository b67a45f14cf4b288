-- What belongs together in the source: results of one specimen, parts of one order, stays of one admission.
with
    final as (
        select
            source as source_system,
            'mimic_iv_labevents' as source_table,
            cast(labevent_id as varchar) as source_id,
            '' as component,
            'specimen' as group_kind,
            cast(specimen_id as varchar) as group_key
        from {{ source("mimic_iv", "mimic_iv_labevents") }}
        where specimen_id is not null
        union all
        select
            source,
            'mimic_iv_inputevents',
            concat_ws('-', stay_id, orderid, itemid),
            '',
            'order',
            cast(linkorderid as varchar)
        from {{ source("mimic_iv", "mimic_iv_inputevents") }}
        where linkorderid is not null
        union all
        select
            source, 'mimic_iv_icustays', cast(stay_id as varchar), '', 'encounter', cast(hadm_id as varchar)
        from {{ source("mimic_iv", "mimic_iv_icustays") }}
        where hadm_id is not null
    )

select *
from final

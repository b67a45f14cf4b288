{{
    config(
        materialized="incremental",
        incremental_strategy="by_day",
        new_day="local_date >= from_date",
        on_schema_change="fail",
    )
}}
{% set new = "relation.local_date >= new_days.from_date" %}

with
    baselines as (select * from {{ of_new_days(ref("twin_person_baseline_day"), new) }} as days),

    days as (select * from {{ of_new_days(ref("twin_wearable_day"), new) }} as days),

    final as (
        select
            baselines.person_id,
            baselines.local_date,
            baselines.metric,
            cast(baselines.value as double) as value,
            cast(baselines.median_28d as double) as median_28d,
            cast(baselines.mad_28d as double) as mad_28d,
            cast(baselines.n_28d as integer) as n_28d,
            cast(baselines.robust_z as double) as robust_z,
            -- Iglewicz and Hoaglin 1993: a modified z-score beyond 3.5 is an outlier
            case
                when baselines.robust_z is null
                then 'no_baseline'
                when baselines.robust_z > 3.5
                then 'high'
                when baselines.robust_z < -3.5
                then 'low'
                else 'usual'
            end as standing,
            cast(days.wear_minutes as double) as wear_minutes,
            baselines.known_at
        from baselines
        left join days on days.person_id = baselines.person_id and days.local_date = baselines.local_date
    )

select *
from final

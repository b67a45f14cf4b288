-- One row per person and hour of the person's own clock with a heart rate: its mean.
{{
    config(
        materialized="incremental",
        incremental_strategy="by_day",
        new_day="hour_at >= from_date",
        on_schema_change="fail",
    )
}}
-- depends_on: {{ ref("int_wearable_day__touched") }}
with
    samples as (select * from {{ ref("int_wearable_sample__located") }}),

    final as (
        select
            person_id, date_trunc('hour', local_start_at) as hour_at, {{ exact_avg("value") }} as heart_rate
        from samples
        where metric = 'heart_rate' and value is not null
        group by person_id, hour_at
    )

select *
from final

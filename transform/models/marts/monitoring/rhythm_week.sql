-- The rhythm of the heart rate over each calendar week of the person's own clock, from the days that have at
-- least half of their hours.
{{ config(materialized="incremental", incremental_strategy="by_person", on_schema_change="fail") }}
-- depends_on: {{ ref("int_identity__touched") }}
with
    hourly as (
        select
            person_id,
            date_trunc('hour', local_start_at) as hour_at,
            round(cast(sum(cast(value as decimal(24, 6))) as double) / count(*), 6) as value
        from {{ ref("int_wearable_sample__located") }}
        where metric = 'heart_rate' and value is not null
        group by person_id, hour_at
    ),

    activity as (
        select
            concat_ws('|', person_id, cast(cast(date_trunc('week', hour_at) as date) as varchar)) as series,
            hour_at as happened_at,
            value
        from hourly
        qualify count(*) over (partition by person_id, cast(hour_at as date)) >= 12
    ),

    rhythm as (select * from ({{ circadian_rhythm("activity") }})),

    final as (
        select
            cast(split_part(series, '|', 1) as varchar) as person_id,
            cast(split_part(series, '|', 2) as date) as week_start_date,
            cast(days as integer) as days,
            cast(hours as integer) as hours,
            round(interdaily_stability, 6) as interdaily_stability,
            round(intradaily_variability, 6) as intradaily_variability,
            round(relative_amplitude, 6) as relative_amplitude,
            round(l5, 6) as l5,
            cast(l5_onset_hour as integer) as l5_onset_hour,
            round(m10, 6) as m10,
            cast(m10_onset_hour as integer) as m10_onset_hour
        from rhythm
        where days >= 3
    )

select *
from final

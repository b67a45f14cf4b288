-- The rhythm of the heart rate over each calendar week of the person's own clock, from the days that have at
-- least half of their hours; and how regular sleep is.
{{
    config(
        materialized="incremental",
        incremental_strategy="by_day",
        new_day="week_start_date >= date_trunc('week', from_date)",
        on_schema_change="fail",
    )
}}
-- depends_on: {{ ref("int_wearable_day__touched") }}
with
    hourly as (
        select person_id, hour_at, heart_rate as value
        from
            {{
                of_new_days(
                    ref("int_wearable_pulse__hour"),
                    "relation.hour_at >= date_trunc('week', new_days.from_date)",
                )
            }} as hours
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

    fitted as (select * from ({{ cosinor("activity") }})),

    weeks as (
        select
            cast(split_part(rhythm.series, '|', 1) as varchar) as person_id,
            cast(split_part(rhythm.series, '|', 2) as date) as week_start_date,
            rhythm.*,
            fitted.* exclude (series)
        from rhythm
        left join fitted on fitted.series = rhythm.series
        where days >= 3
    ),

    -- main sleeps in hours from noon to noon of the person's own clock, where every night is whole
    nights as (
        select
            person_id,
            local_date,
            sleep_midpoint_hour - epoch(asleep_to_at - asleep_from_at) / 7200.0 as from_hour,
            sleep_midpoint_hour + epoch(asleep_to_at - asleep_from_at) / 7200.0 as to_hour
        from {{ ref("int_wearable_sleep__night") }}
    ),

    paired as (
        select
            nights.person_id,
            cast(date_trunc('week', nights.local_date) as date) as week_start_date,
            (nights.to_hour - nights.from_hour)
            + (yesterday.to_hour - yesterday.from_hour)
            - 2
            * greatest(
                0, least(nights.to_hour, yesterday.to_hour) - greatest(nights.from_hour, yesterday.from_hour)
            ) as differing_hours
        from nights
        inner join
            nights as yesterday
            on yesterday.person_id = nights.person_id
            and yesterday.local_date = nights.local_date - interval 1 day
    ),

    regular as (
        select
            person_id,
            week_start_date,
            100
            - 200 * sum(cast(differing_hours as decimal(24, 9))) / (24 * count(*)) as sleep_regularity_index,
            count(*) as sleep_pairs
        from paired
        group by person_id, week_start_date
    ),

    final as (
        select
            coalesce(weeks.person_id, regular.person_id) as person_id,
            coalesce(weeks.week_start_date, regular.week_start_date) as week_start_date,
            cast(days as integer) as days,
            cast(hours as integer) as hours,
            round(interdaily_stability, 6) as interdaily_stability,
            round(intradaily_variability, 6) as intradaily_variability,
            round(relative_amplitude, 6) as relative_amplitude,
            round(l5, 6) as l5,
            cast(l5_onset_hour as integer) as l5_onset_hour,
            round(m10, 6) as m10,
            cast(m10_onset_hour as integer) as m10_onset_hour,
            round(mesor, 6) as mesor,
            round(amplitude, 6) as amplitude,
            round(acrophase_hour, 6) as acrophase_hour,
            round(r_squared, 6) as cosinor_r_squared,
            cast(round(regular.sleep_regularity_index, 6) as double) as sleep_regularity_index,
            cast(regular.sleep_pairs as integer) as sleep_pairs
        from weeks
        full outer join
            regular on regular.person_id = weeks.person_id and regular.week_start_date = weeks.week_start_date
    )

select *
from final

-- One row per alarm, of the resident monitor or of the warehouse's own rules on finished days. The same alarm
-- in several hand-overs is one.
with
    delivered as (select * from {{ ref("stg_wearables__alarm") }}),

    links as (select * from {{ ref("twin_person_link") }} where id_type = 'account'),

    baselines as (select * from {{ ref("twin_person_baseline_day") }}),

    live as (
        select
            links.person_id,
            'monitor' as origin,
            delivered.rule,
            delivered.severity,
            delivered.began_at,
            delivered.raised_at,
            delivered.value,
            delivered.baseline,
            delivered.evidence,
            delivered.is_late,
            delivered.committed_at as known_at
        from delivered
        inner join
            links
            on links.source_system = delivered.source_system
            and links.source_person_key = delivered.source_person_key
        qualify
            row_number() over (
                partition by links.person_id, delivered.rule, delivered.began_at
                order by delivered.committed_at, delivered.file_id, delivered.record_no
            )
            = 1
    ),

    -- steps of four weeks against the four before, of the same device
    days as (
        select
            *,
            max(median_28d) over four_weeks_ago as median_28d_before,
            max(n_28d) over four_weeks_ago as n_28d_before,
            bool_or(is_new_device) over four_weeks as has_new_device
        from baselines
        where
            metric in (
                'resting_heart_rate',
                'hrv_rmssd',
                'hrv_sdnn',
                'respiratory_rate',
                'skin_temperature',
                'skin_temperature_deviation',
                'step_count',
                'sleep_duration'
            )
        window
            four_weeks_ago as (
                partition by person_id, metric
                order by local_date range between interval 28 days preceding and interval 28 days preceding
            ),
            four_weeks as (
                partition by person_id, metric
                order by local_date range between interval 28 days preceding and current row
            )
    ),

    -- each day by each rule: 1 raises an alarm, 0 ends it, null lies between. Iglewicz and Hoaglin 1993: 3.5;
    -- Page 1954 with the usual h of 5
    judged as (
        select
            *,
            metric || '_' || unnest(['z', 'cusum_high', 'cusum_low', 'decline']) as rule,
            unnest(
                [
                    case when abs(robust_z) > 3.5 then 1 when coalesce(abs(robust_z), 0) < 2 then 0 end,
                    case when cusum_high >= 5 then 1 when coalesce(cusum_high, 0) < 2.5 then 0 end,
                    case when cusum_low >= 5 then 1 when coalesce(cusum_low, 0) < 2.5 then 0 end,
                    case
                        when
                            metric <> 'step_count'
                            or least(n_28d, n_28d_before) < 14
                            or median_28d_before is null
                            or has_new_device
                        then 0
                        when median_28d <= 0.7 * median_28d_before
                        then 1
                        when median_28d >= 0.8 * median_28d_before
                        then 0
                    end
                ]
            ) as stand
        from days
    ),

    risen as (
        select
            * exclude (median_28d_before),
            case when is_decline then median_28d else value end as told_value,
            case when is_decline then median_28d_before else median_28d end as told_baseline,
            case when is_decline then median_28d_before end as median_28d_before
        from (select *, rule = metric || '_decline' as is_decline from judged)
        qualify
            stand = 1
            and coalesce(
                last_value(stand ignore nulls) over (
                    partition by person_id, rule
                    order by local_date
                    rows between unbounded preceding and 1 preceding
                ),
                0
            )
            = 0
    ),

    -- what comes back within a week is the same thing
    told as (
        select *
        from risen
        qualify
            coalesce(
                lag(local_date) over (partition by person_id, rule order by local_date)
                < local_date - interval 7 days,
                true
            )
    ),

    finished as (
        select
            person_id,
            'warehouse' as origin,
            rule,
            'notice' as severity,
            cast(local_date as timestamp) as began_at,
            cast(local_date as timestamp) as raised_at,
            told_value as value,
            told_baseline as baseline,
            cast(
                json_object(
                    'median',
                    median_28d,
                    'mad',
                    mad_28d,
                    'n',
                    n_28d,
                    'z',
                    robust_z,
                    'cusum_high',
                    cusum_high,
                    'cusum_low',
                    cusum_low,
                    'median_before',
                    median_28d_before
                ) as varchar
            ) as evidence,
            known_at > cast(local_date as timestamp) + interval 3 days as is_late,
            known_at
        from told
    ),

    final as (
        select
            left(md5(concat_ws('|', person_id, origin, rule, began_at)), 16) as alarm_id,
            cast(person_id as varchar) as person_id,
            origin,
            cast(rule as varchar) as rule,
            cast(severity as varchar) as severity,
            began_at,
            raised_at,
            value,
            baseline,
            cast(evidence as varchar) as evidence,
            is_late,
            cast(date_diff('minute', raised_at, known_at) as bigint) as age_minutes,
            known_at
        from
            (
                select *
                from live
                union all
                select *
                from finished
            )
    )

select *
from final

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

    -- Iglewicz and Hoaglin 1993: 3.5; Page 1954 with the usual h of 5, told when it is crossed
    crossed as (
        select *, lag(cusum_high) over days as cusum_high_before, lag(cusum_low) over days as cusum_low_before
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
        window days as (partition by person_id, metric order by local_date)
    ),

    told as (
        select *, metric || '_z' as rule
        from crossed
        where abs(robust_z) > 3.5
        union all
        select *, metric || '_cusum_high'
        from crossed
        where cusum_high >= 5 and coalesce(cusum_high_before, 0) < 5
        union all
        select *, metric || '_cusum_low'
        from crossed
        where cusum_low >= 5 and coalesce(cusum_low_before, 0) < 5
    ),

    finished as (
        select
            person_id,
            'warehouse' as origin,
            rule,
            'notice' as severity,
            cast(local_date as timestamp) as began_at,
            cast(local_date as timestamp) as raised_at,
            value,
            median_28d as baseline,
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
                    cusum_low
                ) as varchar
            ) as evidence,
            false as is_late,
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

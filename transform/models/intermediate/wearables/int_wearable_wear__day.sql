-- One row per person and local day on which something was worn: the minutes that worn sensors cover. A
-- reading of a moment stands for its minute. A lower bound: totals of many hours say nothing about
-- when something was worn, and days with only those are absent here, because not known is not zero.
with
    samples as (
        select
            person_id,
            local_start_at as start_at,
            greatest(local_end_at, local_start_at + interval 1 minute) as end_at
        from {{ ref("int_wearable_sample__located") }}
        where
            source_type in ('watch', 'device', 'cgm')
            -- what spans half a day is a summary, no proof of wearing
            and end_at - start_at <= interval 4 hours
            and metric not in (
                'body_weight',
                'body_height',
                'body_fat_percentage',
                'bmi',
                'lean_body_mass',
                'waist_circumference',
                'peak_expiratory_flow',
                'systolic_bp',
                'diastolic_bp'
            )
    ),

    days as (
        select
            person_id,
            start_at,
            end_at,
            unnest(
                generate_series(
                    cast(start_at as date), cast(end_at - interval 1 microsecond as date), interval 1 day
                )
            ) as day_start
        from samples
    ),

    cut as (
        select
            person_id,
            cast(day_start as date) as local_date,
            greatest(start_at, day_start) as start_at,
            least(end_at, day_start + interval 1 day) as end_at
        from days
    ),

    reached as (
        select
            *,
            max(end_at) over (
                partition by person_id, local_date
                order by start_at, end_at
                rows between unbounded preceding and 1 preceding
            ) as reach_at
        from cut
    ),

    final as (
        select
            person_id,
            local_date,
            -- each interval adds what lies beyond everything before it
            round(
                sum(
                    greatest(epoch_us(end_at) - epoch_us(greatest(start_at, coalesce(reach_at, start_at))), 0)
                )
                / 60000000.0,
                6
            ) as wear_minutes
        from reached
        group by person_id, local_date
    )

select *
from final

-- One row per interval and local day of a cumulative metric, with the part of its value that counts
-- once sources are merged. A better source (watch before phone) counts whole; of a lesser one only the
-- share of the interval that no better source covers. Method: per source the union of all better
-- sources as islands, their length up to any moment as a running total, and the covered part of an
-- interval as the difference of that total at its two ends. Lengths are whole microseconds, so nothing
-- is lost to rounding. Intervals of one source add up, also where they overlap.
with
    samples as (
        select *
        from {{ ref("int_wearable_sample__located") }}
        where kind = 'cumulative' and value is not null
    ),

    -- a day's total beside the same source's finer values is the same thing again
    finer as (
        select distinct person_id, source_system, source_person_key, metric, local_date
        from samples
        where source_type <> 'daily_summary'
    ),

    counted as (
        select
            samples.*,
            dense_rank() over (
                partition by samples.person_id, samples.metric
                order by samples.source_rank, samples.source_name
            ) as level
        from samples
        left join
            finer
            on finer.person_id = samples.person_id
            and finer.source_system = samples.source_system
            and finer.source_person_key = samples.source_person_key
            and finer.metric = samples.metric
            and finer.local_date = samples.local_date
        where samples.source_type <> 'daily_summary' or finer.local_date is null
    ),

    -- an interval over midnight gives each local day its share by time
    days as (
        select
            *,
            unnest(
                generate_series(
                    local_date,
                    greatest(local_date, cast(local_end_at - interval 1 microsecond as date)),
                    interval 1 day
                )
            ) as day_start
        from counted
    ),

    cut as (
        select
            * exclude (local_date, start_at, end_at),
            cast(day_start as date) as local_date,
            start_at as whole_start_at,
            end_at as whole_end_at,
            case
                when cast(day_start as date) = cast(local_start_at as date)
                then start_at
                else start_at + (day_start - local_start_at)
            end as start_at,
            -- the last day runs to the end, so that a day of 23 or 25 hours loses and gains nothing
            case
                when day_start + interval 1 day >= local_end_at
                then end_at
                else start_at + (day_start + interval 1 day - local_start_at)
            end as end_at
        from days
    ),

    parts as (
        select
            * exclude (start_at, end_at),
            epoch_us(start_at) as start_us,
            epoch_us(end_at) as end_us,
            case
                when whole_end_at = whole_start_at
                then value
                else
                    value
                    * (epoch_us(end_at) - epoch_us(start_at))
                    / (epoch_us(whole_end_at) - epoch_us(whole_start_at))
            end as part_value
        from cut
    ),

    levels as (select distinct person_id, metric, level from parts),

    better as (
        select parts.person_id, parts.metric, levels.level, parts.start_us, parts.end_us
        from parts
        inner join
            levels
            on levels.person_id = parts.person_id
            and levels.metric = parts.metric
            and levels.level > parts.level
        where parts.end_us > parts.start_us
    ),

    reached as (
        select
            *,
            max(end_us) over (
                partition by person_id, metric, level
                order by start_us, end_us
                rows between unbounded preceding and 1 preceding
            ) as reach_us
        from better
    ),

    numbered as (
        select
            *,
            sum(case when reach_us is null or start_us > reach_us then 1 else 0 end) over (
                partition by person_id, metric, level order by start_us, end_us rows unbounded preceding
            ) as island_no
        from reached
    ),

    islands as (
        select
            person_id,
            metric,
            level,
            island_no,
            min(start_us) as island_start_us,
            max(end_us) as island_end_us
        from numbered
        group by person_id, metric, level, island_no
    ),

    totals as (
        select
            *,
            cast(
                sum(island_end_us - island_start_us) over (
                    partition by person_id, metric, level
                    order by island_start_us
                    rows between unbounded preceding and current row
                )
                - (island_end_us - island_start_us) as bigint
            ) as before_us
        from islands
    ),

    at_start as (
        select
            parts.*,
            coalesce(
                totals.before_us + least(parts.start_us, totals.island_end_us) - totals.island_start_us, 0
            ) as covered_before_us,
            coalesce(parts.start_us < totals.island_end_us, false) as starts_covered
        from parts
        asof left join
            totals
            on totals.person_id = parts.person_id
            and totals.metric = parts.metric
            and totals.level = parts.level
            and parts.start_us >= totals.island_start_us
    ),

    at_end as (
        select
            at_start.*,
            coalesce(
                totals.before_us + least(at_start.end_us, totals.island_end_us) - totals.island_start_us, 0
            )
            - covered_before_us as covered_us
        from at_start
        asof left join
            totals
            on totals.person_id = at_start.person_id
            and totals.metric = at_start.metric
            and totals.level = at_start.level
            and at_start.end_us >= totals.island_start_us
    ),

    final as (
        select
            person_id,
            metric,
            local_date,
            make_timestamp(start_us) as start_at,
            make_timestamp(end_us) as end_at,
            source_name,
            source_type,
            level,
            part_value as value,
            case
                when end_us = start_us
                then case when starts_covered then 0.0 else 1.0 end
                else 1.0 - covered_us / (end_us - start_us)
            end as kept_share,
            part_value * case
                when end_us = start_us
                then case when starts_covered then 0.0 else 1.0 end
                else 1.0 - covered_us / (end_us - start_us)
            end as kept_value,
            known_at,
            is_recorded
        from at_end
    )

select *
from final

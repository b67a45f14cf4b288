-- One row per person, local day and discrete metric: mean, extremes and count of the best source that
-- measured it.
with
    samples as (
        select *
        from {{ ref("int_wearable_sample__located") }}
        where kind = 'discrete' and value is not null and metric <> 'sleep_duration'
    ),

    best as (
        select *
        from samples
        qualify source_rank = min(source_rank) over (partition by person_id, local_date, metric)
    ),

    final as (
        select
            person_id,
            local_date,
            metric,
            {{ exact_avg("value") }} as mean_value,
            min(value) as min_value,
            max(value) as max_value,
            arg_max(value, (start_at, value)) as last_value,
            round(stddev_samp(value), 6) as sd_value,
            -- tells devices apart without naming them
            left(md5(min(source_name)), 8) as device,
            count(*) as n_values,
            count(censor) as n_censored,
            count(*) filter (value < 54) as n_below_54,
            count(*) filter (value < 70) as n_below_70,
            count(*) filter (value > 180) as n_above_180,
            count(*) filter (value > 250) as n_above_250,
            max(known_at) as known_at,
            bool_and(is_recorded) as is_recorded
        from best
        group by person_id, local_date, metric
    )

select *
from final

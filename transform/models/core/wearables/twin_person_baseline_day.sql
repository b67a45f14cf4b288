{% set metrics = [
    ("step_count", "steps"),
    ("resting_heart_rate", "resting_heart_rate"),
    ("heart_rate", "heart_rate_mean"),
    ("hrv_rmssd", "hrv_rmssd"),
    ("hrv_sdnn", "hrv_sdnn"),
    ("respiratory_rate", "respiratory_rate"),
    ("oxygen_saturation", "oxygen_saturation"),
    ("skin_temperature", "skin_temperature"),
    ("skin_temperature_deviation", "skin_temperature_deviation"),
    ("sleep_duration", "sleep_minutes"),
    ("glucose", "glucose_mean"),
] %}

with
    days as (select * from {{ ref("twin_wearable_day") }}),

    metrics as (select * from {{ ref("wearable_metric") }}),

    measured as (
        {% for metric, column in metrics %}
            select
                person_id,
                '{{ metric }}' as metric,
                local_date,
                cast({{ column }} as double) as value,
                known_at
            from days
            where {{ column }} is not null
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),

    -- the 28 local days before the day, never the day itself; calendar days, not the last 28 values
    windowed as (
        select *, list(value) over past as past_values, max(known_at) over past as past_known_at
        from measured
        window
            past as (
                partition by person_id, metric
                order by local_date range between interval 28 days preceding and interval 1 day preceding
            )
    ),

    centred as (
        select *, coalesce(len(past_values), 0) as n_28d, list_aggregate(past_values, 'median') as median_28d
        from windowed
    ),

    spread as (
        select
            *,
            list_aggregate(list_transform(past_values, lambda one:abs(one - median_28d)), 'median') as mad_28d
        from centred
    ),

    final as (
        select
            cast(spread.person_id as varchar) as person_id,
            cast(spread.metric as varchar) as metric,
            spread.local_date,
            spread.value,
            round(spread.median_28d, 6) as median_28d,
            round(spread.mad_28d, 6) as mad_28d,
            cast(spread.n_28d as bigint) as n_28d,
            case
                when spread.n_28d >= 14
                then
                    round(
                        0.6745
                        * (spread.value - spread.median_28d)
                        / greatest(spread.mad_28d, metrics.mad_floor),
                        6
                    )
            end as robust_z,
            greatest(spread.known_at, coalesce(spread.past_known_at, spread.known_at)) as known_at
        from spread
        inner join metrics on metrics.metric = spread.metric
    )

select *
from final

{{
    config(
        materialized="incremental",
        incremental_strategy="by_day",
        new_day="local_date >= from_date",
        on_schema_change="fail",
    )
}}
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
    days as (select * from {{ of_new_days(ref("twin_wearable_day")) }} as days),

    metrics as (select * from {{ ref("wearable_metric") }}),

    measured as (
        {% for metric, column in metrics %}
            select
                person_id,
                '{{ metric }}' as metric,
                local_date,
                cast({{ column }} as double) as value,
                regexp_extract(metric_devices, '(^| ){{ metric }}=([0-9a-f]+)', 2) as device,
                known_at
            from days
            where {{ column }} is not null
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),

    -- the 28 local days before the day, never the day itself; calendar days, not the last 28 values; of the
    -- same device, because another one measures differently
    windowed as (
        select
            *,
            list(value) over past as past_values,
            list(value) over recent as recent_values,
            max(known_at) over past as past_known_at,
            lag(device) over days as device_before
        from measured
        window
            past as (
                partition by person_id, metric, device
                order by local_date range between interval 28 days preceding and interval 1 day preceding
            ),
            recent as (
                partition by person_id, metric, device
                order by local_date
                rows between 27 preceding and current row
            ),
            days as (partition by person_id, metric order by local_date)
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

    judged as (
        select
            spread.*,
            case
                when spread.n_28d >= 14
                then
                    round(
                        0.6745
                        * (spread.value - spread.median_28d)
                        / greatest(spread.mad_28d, metrics.mad_floor),
                        6
                    )
            end as robust_z
        from spread
        inner join metrics on metrics.metric = spread.metric
    ),

    -- S = max(0, S + z - k) is the running sum less its own lowest point so far
    summed as (
        select
            *,
            sum(coalesce(cast(robust_z as decimal(24, 6)) - 0.5, 0)) over so_far as above,
            sum(coalesce(- cast(robust_z as decimal(24, 6)) - 0.5, 0)) over so_far as below
        from judged
        window so_far as (partition by person_id, metric, device order by local_date rows unbounded preceding)
    ),

    final as (
        select
            cast(person_id as varchar) as person_id,
            cast(metric as varchar) as metric,
            local_date,
            value,
            round(median_28d, 6) as median_28d,
            round(mad_28d, 6) as mad_28d,
            cast(n_28d as bigint) as n_28d,
            robust_z,
            round(
                list_sum(
                    list_transform(
                        recent_values, lambda one, place:one * pow(0.8, len(recent_values) - place)
                    )
                ) / list_sum(
                    list_transform(recent_values, lambda one, place:pow(0.8, len(recent_values) - place))
                ),
                6
            ) as ewma,
            case
                when robust_z is not null then cast(above - least(0, min(above) over so_far) as double)
            end as cusum_high,
            case
                when robust_z is not null then cast(below - least(0, min(below) over so_far) as double)
            end as cusum_low,
            coalesce(device <> device_before, false) as is_new_device,
            greatest(known_at, coalesce(past_known_at, known_at)) as known_at
        from summed
        window so_far as (partition by person_id, metric, device order by local_date rows unbounded preceding)
    )

select *
from final

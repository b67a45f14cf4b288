{{
    config(
        materialized="incremental",
        incremental_strategy="by_day",
        new_day="local_date >= from_date",
        on_schema_change="fail",
    )
}}
-- depends_on: {{ ref("int_wearable_day__touched") }}
with
    samples as (select * from {{ ref("int_wearable_sample__located") }}),

    cumulative as (
        select
            person_id,
            local_date,
            {% for metric, column in [
                ("step_count", "steps"),
                ("distance", "distance_m"),
                ("active_energy", "active_energy_kcal"),
                ("exercise_time", "exercise_minutes"),
                ("flights_climbed", "flights_climbed"),
            ] %}
                round(
                    cast(sum(cast(kept_value as decimal(24, 6))) filter (metric = '{{ metric }}') as double),
                    6
                ) as {{ column }},
            {% endfor %}
            left(
                md5(
                    min_by(source_name, (level, source_name)) filter (
                        metric = 'step_count' and kept_value > 0
                    )
                ),
                8
            ) as steps_device,
            max(known_at) as known_at,
            bool_and(is_recorded) as is_recorded
        from {{ ref("int_wearable_cumulative__merged") }}
        group by person_id, local_date
    ),

    discrete as (
        select
            person_id,
            local_date,
            {% for metric in [
                "resting_heart_rate",
                "hrv_rmssd",
                "hrv_sdnn",
                "respiratory_rate",
                "oxygen_saturation",
                "body_temperature",
                "skin_temperature",
                "skin_temperature_deviation",
                "systolic_bp",
                "diastolic_bp",
                "vo2_max",
            ] %}
                max(mean_value) filter (metric = '{{ metric }}') as {{ metric }},
            {% endfor %}
            max(mean_value) filter (metric = 'heart_rate') as heart_rate_mean,
            max(min_value) filter (metric = 'heart_rate') as heart_rate_min,
            max(max_value) filter (metric = 'heart_rate') as heart_rate_max,
            max(min_value) filter (metric = 'oxygen_saturation') as oxygen_saturation_min,
            max(last_value) filter (metric = 'body_weight') as body_weight_kg,
            max(mean_value) filter (metric = 'glucose') as glucose_mean,
            max(sd_value) filter (metric = 'glucose') as glucose_sd,
            max(n_values) filter (metric = 'glucose') as glucose_readings,
            max(n_censored) filter (metric = 'glucose') as glucose_censored,
            max(n_below_54) filter (metric = 'glucose') as n_below_54,
            max(n_below_70) filter (metric = 'glucose') as n_below_70,
            max(n_above_180) filter (metric = 'glucose') as n_above_180,
            max(n_above_250) filter (metric = 'glucose') as n_above_250,
            string_agg(metric || '=' || device, ' ' order by metric) as devices,
            max(known_at) as known_at,
            bool_and(is_recorded) as is_recorded
        from {{ ref("int_wearable_discrete__day") }}
        group by person_id, local_date
    ),

    nights as (select * from {{ ref("int_wearable_sleep__night") }}),

    wear as (select * from {{ ref("int_wearable_wear__day") }}),

    glucose as (select * from {{ ref("int_wearable_glucose__day") }}),

    sources as (
        select
            person_id,
            local_date,
            count(distinct source_name) as n_sources,
            count(*) as n_samples,
            -- the local day is over when the zone's clock shows the next one
            max(cast(local_date as timestamp) + interval 1 day - (local_start_at - start_at)) as day_over_at
        from samples
        group by person_id, local_date
    ),

    days as (
        select person_id, local_date
        from cumulative
        union
        select person_id, local_date
        from discrete
        union
        select person_id, local_date
        from nights
    ),

    final as (
        select
            cast(days.person_id as varchar) as person_id,
            cast(days.local_date as date) as local_date,
            greatest(
                coalesce(sources.day_over_at, cast(days.local_date as timestamp) + interval 1 day),
                coalesce(cumulative.known_at, timestamp '1900-01-01'),
                coalesce(discrete.known_at, timestamp '1900-01-01'),
                coalesce(nights.known_at, timestamp '1900-01-01')
            ) as known_at,
            case
                when
                    coalesce(cumulative.is_recorded, true)
                    and coalesce(discrete.is_recorded, true)
                    and coalesce(nights.is_recorded, true)
                then 'recorded'
                else 'imputed'
            end as known_basis,
            wear.wear_minutes,
            cumulative.steps,
            cumulative.distance_m,
            cumulative.active_energy_kcal,
            cumulative.exercise_minutes,
            cumulative.flights_climbed,
            discrete.resting_heart_rate,
            discrete.heart_rate_mean,
            discrete.heart_rate_min,
            discrete.heart_rate_max,
            discrete.hrv_rmssd,
            discrete.hrv_sdnn,
            discrete.respiratory_rate,
            discrete.oxygen_saturation,
            discrete.oxygen_saturation_min,
            discrete.body_temperature,
            discrete.skin_temperature,
            discrete.skin_temperature_deviation,
            discrete.systolic_bp,
            discrete.diastolic_bp,
            discrete.body_weight_kg,
            discrete.vo2_max,
            nights.sleep_minutes,
            nights.deep_sleep_minutes,
            nights.rem_sleep_minutes,
            nights.nap_minutes,
            nights.sleep_midpoint_hour,
            cast(nights.oxygen_desaturation_index_3 as double) as oxygen_desaturation_index_3,
            cast(nights.oxygen_desaturation_index_4 as double) as oxygen_desaturation_index_4,
            discrete.glucose_mean,
            round(100 * discrete.glucose_sd / nullif(discrete.glucose_mean, 0), 6) as glucose_cv,
            discrete.glucose_readings,
            discrete.glucose_censored,
            round(
                100.0
                * (discrete.glucose_readings - discrete.n_below_70 - discrete.n_above_180)
                / nullif(discrete.glucose_readings, 0),
                6
            ) as time_in_range,
            round(100.0 * discrete.n_below_70 / nullif(discrete.glucose_readings, 0), 6) as time_below_70,
            round(100.0 * discrete.n_below_54 / nullif(discrete.glucose_readings, 0), 6) as time_below_54,
            round(100.0 * discrete.n_above_180 / nullif(discrete.glucose_readings, 0), 6) as time_above_180,
            round(100.0 * discrete.n_above_250 / nullif(discrete.glucose_readings, 0), 6) as time_above_250,
            {% for column in [
                "glucose_active_percent",
                "glucose_p5",
                "glucose_p25",
                "glucose_median",
                "glucose_p75",
                "glucose_p95",
                "glucose_gri",
                "glucose_lbgi",
                "glucose_hbgi",
                "glucose_mage",
                "glucose_modd",
                "glucose_conga_1h",
                "episodes_below_70",
                "episodes_below_54",
                "episodes_below_70_prolonged",
                "episodes_above_180",
                "episodes_above_250",
            ] %}
                glucose.{{ column }},
            {% endfor %}
            nullif(
                concat_ws(
                    ' ',
                    discrete.devices,
                    'sleep_duration=' || left(md5(nights.source_name), 8),
                    'step_count=' || cumulative.steps_device
                ),
                ''
            ) as metric_devices,
            coalesce(sources.n_sources, 0) as n_sources,
            coalesce(sources.n_samples, 0) as n_samples
        from days
        left join
            cumulative on cumulative.person_id = days.person_id and cumulative.local_date = days.local_date
        left join discrete on discrete.person_id = days.person_id and discrete.local_date = days.local_date
        left join nights on nights.person_id = days.person_id and nights.local_date = days.local_date
        left join wear on wear.person_id = days.person_id and wear.local_date = days.local_date
        left join glucose on glucose.person_id = days.person_id and glucose.local_date = days.local_date
        left join sources on sources.person_id = days.person_id and sources.local_date = days.local_date
    )

select *
from final

-- The last fourteen local days of each person, as the consensus reports them.
{{ config(materialized="incremental", incremental_strategy="by_day", on_schema_change="fail") }}
-- depends_on: {{ ref("int_wearable_day__touched") }}
with
    samples as (
        select * from {{ ref("int_wearable_sample__located") }} where metric = 'glucose' and value is not null
    ),

    ends as (
        select person_id, max(local_date) as last_date
        from samples
        group by person_id
        {% if in_increment() %}
            having
                max(local_date) >= (
                    select min(from_date)
                    from {{ new_days() }} as new_days
                    where new_days.person_id = samples.person_id
                )
        {% endif %}
    ),

    readings as (
        select
            samples.person_id as series, '' as part, samples.start_at as happened_at, samples.value as mg_dl
        from samples
        inner join
            ends
            on ends.person_id = samples.person_id
            and samples.local_date > ends.last_date - interval 14 days
        qualify samples.source_rank = min(samples.source_rank) over (partition by samples.person_id)
    ),

    metrics as (select * from ({{ cgm_metrics("readings") }})),

    final as (
        select
            cast(series as varchar) as person_id,
            first_at,
            last_at,
            readings,
            round(days, 6) as days,
            round(active_percent, 6) as active_percent,
            is_enough,
            {% for column in [
                "mean_mg_dl",
                "cv_percent",
                "gmi_percent",
                "gri",
                "time_in_range",
                "time_in_tight_range",
                "time_below_70",
                "time_below_54",
                "time_above_180",
                "time_above_250",
                "lbgi",
                "hbgi",
                "mage_mg_dl",
                "modd_mg_dl",
                "conga_1h_mg_dl",
                "conga_2h_mg_dl",
                "conga_4h_mg_dl",
            ] %}
                round({{ column }}, 6) as {{ column }},
            {% endfor %}
            episodes_below_70,
            episodes_below_54,
            episodes_below_70_prolonged,
            episodes_above_180,
            episodes_above_250
        from metrics
        where step_s <= 900
    )

select *
from final

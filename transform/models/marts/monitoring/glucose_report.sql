-- The last fourteen local days of each person, as the consensus reports them.
{{ config(materialized="incremental", incremental_strategy="by_person", on_schema_change="fail") }}
-- depends_on: {{ ref("int_identity__touched") }}
with
    samples as (
        select * from {{ ref("int_wearable_sample__located") }} where metric = 'glucose' and value is not null
    ),

    readings as (
        select person_id as series, '' as part, start_at as happened_at, value as mg_dl, local_date
        from samples
        qualify
            source_rank = min(source_rank) over (partition by person_id)
            and local_date > max(local_date) over (partition by person_id) - interval 14 days
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

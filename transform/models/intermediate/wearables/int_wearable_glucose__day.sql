-- One row per person and local day of continuous glucose: the metrics of the day. Spot measurements are no
-- curve and have none.
with
    readings as (
        select person_id as series, local_date as part, start_at as happened_at, value as mg_dl
        from {{ ref("int_wearable_sample__located") }}
        where metric = 'glucose' and value is not null
        qualify source_rank = min(source_rank) over (partition by person_id, local_date)
    ),

    metrics as (select * from ({{ cgm_metrics("readings") }})),

    final as (
        select
            series as person_id,
            part as local_date,
            round(least(100.0, 100.0 * readings * step_s / 86400.0), 6) as glucose_active_percent,
            {% for column in [
                "p5_mg_dl",
                "p25_mg_dl",
                "median_mg_dl",
                "p75_mg_dl",
                "p95_mg_dl",
                "gri",
                "lbgi",
                "hbgi",
                "mage_mg_dl",
                "modd_mg_dl",
                "conga_1h_mg_dl",
            ] %}
                round({{ column }}, 6) as glucose_{{ column.replace("_mg_dl", "") }},
            {% endfor %}
            episodes_below_70,
            episodes_below_54,
            episodes_below_70_prolonged,
            episodes_above_180,
            episodes_above_250
        from metrics
        -- of a dozen readings or more the pace can be told
        where step_s <= 900 and readings >= 12
    )

select *
from final

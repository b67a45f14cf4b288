-- The ambulatory glucose profile of the fourteen days of `glucose_report`, on the person's own clock.
{{ config(materialized="incremental", incremental_strategy="by_day", on_schema_change="fail") }}
-- depends_on: {{ ref("int_wearable_day__touched") }}
with
    -- of whom there is no new day, or none with glucose, stays as it is
    reports as (
        select reports.person_id, first_at, last_at
        from
            {{
                of_new_days(
                    ref("glucose_report"), "relation.last_at >= new_days.from_date - interval 1 day"
                )
            }} as reports
    ),

    readings as (
        select samples.person_id as series, samples.local_start_at as happened_at, samples.value as mg_dl
        from {{ ref("int_wearable_sample__located") }} as samples
        inner join
            reports
            on reports.person_id = samples.person_id
            and samples.start_at between reports.first_at and reports.last_at
        where samples.metric = 'glucose' and samples.value is not null
        qualify samples.source_rank = min(samples.source_rank) over (partition by samples.person_id)
    ),

    profile as (select * from ({{ glucose_profile("readings") }})),

    final as (
        select
            cast(series as varchar) as person_id,
            cast(hour as integer) as hour,
            readings,
            {% for column in ["p5_mg_dl", "p25_mg_dl", "median_mg_dl", "p75_mg_dl", "p95_mg_dl"] %}
                round({{ column }}, 6) as {{ column }} {%- if not loop.last %},{% endif %}
            {% endfor %}
        from profile
    )

select *
from final

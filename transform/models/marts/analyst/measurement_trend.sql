{{ config(materialized="incremental", incremental_strategy="by_person", on_schema_change="fail") }}

with
    measurements as (
        select *
        from {{ touched(ref("twin_measurement")) }} as facts
        where
            {{ is_current() }}
            and concept is not null
            and value_std is not null
            and event_at is not null
            and quality_flags not like '%duplicate_value%'
    ),

    concepts as (select * from {{ ref("concept") }}),

    -- several values of one moment (repeated readings) are one point
    points as (
        select
            person_id,
            concept,
            event_at,
            max(unit_std) as unit,
            round(avg(value_std), 6) as value,
            max(known_at) as known_at,
            count(*) as n_values
        from measurements
        group by person_id, concept, event_at
    ),

    compared as (
        select
            *,
            lag(value) over (partition by person_id, concept order by event_at) as previous_value,
            lag(event_at) over (partition by person_id, concept order by event_at) as previous_at,
            row_number() over (partition by person_id, concept order by event_at desc) as recency_no
        from points
    ),

    -- least squares over the two years up to each point, value per year
    fitted as (
        select
            compared.person_id,
            compared.concept,
            compared.event_at,
            count(*) as n_2y,
            avg(earlier.value) as mean_2y,
            regr_slope(
                earlier.value, {{ dbt.datediff("compared.event_at", "earlier.event_at", "hour") }} / 8766.0
            ) as slope_per_year_2y
        from compared
        inner join
            points as earlier
            on earlier.person_id = compared.person_id
            and earlier.concept = compared.concept
            and earlier.event_at <= compared.event_at
            and earlier.event_at > compared.event_at - interval 2 year
        group by compared.person_id, compared.concept, compared.event_at
    ),

    final as (
        select
            compared.person_id,
            compared.concept,
            concepts.label,
            compared.event_at,
            compared.known_at,
            cast(compared.value as double) as value,
            compared.unit,
            cast(compared.n_values as integer) as n_values,
            cast(compared.previous_value as double) as previous_value,
            compared.previous_at,
            cast(round(compared.value - compared.previous_value, 6) as double) as change_from_previous,
            cast(fitted.n_2y as integer) as n_2y,
            cast(round(fitted.mean_2y, 6) as double) as mean_2y,
            -- two points make a line through anything
            cast(
                case when fitted.n_2y >= 3 then round(fitted.slope_per_year_2y, 6) end as double
            ) as slope_per_year_2y,
            compared.recency_no = 1 as is_latest
        from compared
        inner join
            fitted
            on fitted.person_id = compared.person_id
            and fitted.concept = compared.concept
            and fitted.event_at = compared.event_at
        left join concepts on concepts.concept = compared.concept
    )

select *
from final

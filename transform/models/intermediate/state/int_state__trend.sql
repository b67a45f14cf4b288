-- One row per value of a slowly changing variable with its slope per year over the two years before, from
-- what was known when it became known: three values or more, over half a year or more.
{{ config(materialized="table") }}

with
    points as (
        select person_id, variable, value_num, event_at, known_at, superseded_at, fact_key
        from {{ ref("int_state__evidence") }}
        where variable in ('hba1c', 'fev1')
        union all
        select person_id, variable, value_num, valid_from, known_from, known_to, inputs[1]
        from {{ ref("int_state__kidney") }}
    ),

    fitted as (
        select
            points.person_id,
            points.variable,
            regr_slope(earlier.value_num, epoch(earlier.event_at) / (365.25 * 86400)) as value_num,
            points.event_at as valid_from,
            points.known_at as known_from,
            min(points.superseded_at) as known_to,
            list(distinct earlier.fact_key order by earlier.fact_key) as inputs,
            count(distinct earlier.event_at) as n_values,
            date_diff('day', min(earlier.event_at), max(earlier.event_at)) as n_days
        from points
        inner join
            points as earlier
            on earlier.person_id = points.person_id
            and earlier.variable = points.variable
            and earlier.event_at <= points.event_at
            and earlier.event_at >= points.event_at - interval 2 year
            and earlier.known_at <= points.known_at
            and (earlier.superseded_at is null or earlier.superseded_at > points.known_at)
        group by points.person_id, points.variable, points.event_at, points.known_at, points.fact_key
    ),

    final as (
        select
            person_id,
            case
                variable when 'egfr_ckd_epi_2021' then 'egfr_slope' else variable || '_slope'
            end as variable,
            value_num,
            valid_from,
            known_from,
            known_to,
            inputs
        from fitted
        where n_values >= 3 and n_days >= 183 and value_num is not null
    )

select *
from final

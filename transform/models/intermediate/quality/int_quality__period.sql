-- One row per calendar year in which a measured encounter began: the measures' period is the calendar year.
{{ config(materialized="table") }}

with
    years as (
        select distinct extract(year from start_date) as year
        from {{ ref("int_quality__fact") }}
        where domain = 'encounter'
    ),

    final as (
        select
            make_date(year, 1, 1) as period_start,
            make_date(year, 12, 31) as period_end,
            make_timestamp(year + 1, 1, 1, 0, 0, 0) as period_end_at
        from years
    )

select *
from final

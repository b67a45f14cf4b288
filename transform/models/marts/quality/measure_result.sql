with
    episodes as (select * from {{ ref("measure_episode") }}),

    final as (
        select
            measure,
            period_start,
            period_end,
            person_id,
            cast(count(*) as integer) as initial_population,
            cast(count(*) as integer) as denominator,
            cast(count(*) filter (is_excluded) as integer) as denominator_exclusion,
            cast(count(*) filter (is_exception) as integer) as denominator_exception,
            cast(count(*) filter (is_numerator) as integer) as numerator
        from episodes
        group by measure, period_start, period_end, person_id
    )

select *
from final
order by measure, period_start, person_id

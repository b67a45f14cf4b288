with
    results as (select * from {{ ref("measure_result") }}),

    measures as (select * from {{ ref("quality_measure") }}),

    final as (
        select
            results.measure,
            any_value(measures.title) as title,
            any_value(measures.basis) as basis,
            any_value(measures.improvement) as improvement,
            results.period_start,
            results.period_end,
            cast(sum(results.denominator) as integer) as denominator,
            cast(sum(results.denominator_exclusion) as integer) as denominator_exclusion,
            cast(sum(results.denominator_exception) as integer) as denominator_exception,
            cast(sum(results.numerator) as integer) as numerator,
            sum(results.numerator) / nullif(
                sum(results.denominator)
                - sum(results.denominator_exclusion)
                - sum(results.denominator_exception),
                0
            ) as performance_rate
        from results
        inner join measures on measures.measure = results.measure
        group by results.measure, results.period_start, results.period_end
    )

select *
from final
order by measure, period_start

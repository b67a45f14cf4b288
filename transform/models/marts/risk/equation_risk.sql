with
    results as (select * from {{ source("ml_results", "equation_risk") }}),

    final as (
        select
            person_id,
            equation,
            as_of,
            result,
            result_name,
            unit,
            nullif(horizon_days, 0) as horizon_days,
            n_inputs,
            n_defaulted,
            defaulted_inputs,
            out_of_range_inputs,
            core_version,
            '{{ var("research_use") }}' as use_note
        from results
    )

select *
from final

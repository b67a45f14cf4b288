with
    results as (select * from {{ source("simulation_results", "twin_parameter") }}),

    final as (
        select
            person_id,
            model,
            outcome,
            parameter,
            unit,
            p05,
            p50,
            p95,
            effective_members,
            temper,
            n_observed,
            status,
            reason,
            fitted_until,
            model_sha256,
            '{{ var("research_use") }}' as use_note
        from results
    )

select *
from final

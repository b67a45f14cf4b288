with
    results as (select * from {{ source("simulation_results", "progression_forecast") }}),

    final as (
        select
            person_id,
            disease,
            outcome,
            unit,
            care,
            is_backtest,
            made_from,
            horizon_years,
            p05,
            p50,
            p95,
            happened,
            n_happened,
            persistence,
            status,
            reason,
            model,
            model_sha256,
            param_source,
            credibility,
            '{{ var("research_use") }}' as use_note
        from results
    )

select *
from final

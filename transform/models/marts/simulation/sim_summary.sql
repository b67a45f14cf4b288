with
    results as (select * from {{ source("simulation_results", "sim_summary") }}),

    final as (
        select
            person_id,
            scenario,
            outcome,
            unit,
            horizon,
            p05,
            p50,
            p95,
            n_members,
            n_failed,
            status,
            reason,
            is_extrapolated,
            engine,
            model,
            model_sha256,
            param_source,
            credibility,
            '{{ var("research_use") }}' as use_note
        from results
    )

select *
from final

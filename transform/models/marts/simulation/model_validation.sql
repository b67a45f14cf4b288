with
    results as (select * from {{ source("simulation_results", "sim_validation") }}),

    final as (
        select
            model,
            target,
            expected,
            found,
            lower,
            upper,
            unit,
            role,
            verdict,
            is_verified,
            source,
            model_sha256,
            '{{ var("research_use") }}' as use_note
        from results
    )

select *
from final

with
    results as (select * from {{ source("simulation_results", "treatment_rank") }}),

    final as (
        select
            person_id,
            treatment,
            status,
            rank_no,
            benefit,
            harm,
            net,
            net_p05,
            net_p95,
            p_best,
            is_on_front,
            reason,
            side_effects,
            source,
            '{{ var("research_use") }}' as use_note
        from results
    )

select *
from final

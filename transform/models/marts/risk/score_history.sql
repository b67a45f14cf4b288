with
    scores as (select * from {{ source("ml_results", "score_history") }}),

    final as (
        select
            task,
            person_id,
            as_of,
            horizon_days,
            risk,
            risk_lo,
            risk_hi,
            risk_equation,
            band,
            risk - lag(risk) over (partition by task, person_id order by as_of, scored_at) as risk_change,
            model_name,
            model_version,
            task_hash,
            run_id,
            core_version,
            scored_at,
            '{{ var("research_use") }}' as use_note
        from scores
    )

select *
from final

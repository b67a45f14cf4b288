with
    metrics as (select * from {{ source("ml_results", "model_metric") }}),

    final as (
        select
            task,
            model_name,
            coalesce(model_version, 'not registered') as model_version,
            run_id,
            coalesce(split, 'all') as split,
            coalesce(subgroup, 'all') as subgroup,
            metric,
            value,
            lower as value_lo,
            upper as value_hi,
            n as n_people,
            n_events,
            '{{ var("research_use") }}' as use_note
        from metrics
    )

select *
from final

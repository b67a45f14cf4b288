with
    signals as (select * from {{ source("ml_results", "model_monitor") }}),

    final as (
        select
            task,
            model_version,
            as_of,
            core_version,
            kind,
            watched,
            nullif(detail, '') as detail,
            value,
            reference,
            statistic,
            lower as statistic_lo,
            upper as statistic_hi,
            p_value,
            n as n_people,
            n_reference,
            status,
            as_of = max(as_of) over (partition by task) as is_latest,
            '{{ var("research_use") }}' as use_note
        from signals
    )

select *
from final

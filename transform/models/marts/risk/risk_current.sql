with
    scores as (select * from {{ ref("scored_cohort") }} where is_eligible),

    final as (
        select
            person_id,
            task,
            as_of,
            horizon_days,
            age_years,
            sex,
            risk,
            risk_lo,
            risk_hi,
            percentile,
            band,
            equation_name,
            risk_equation,
            first_reason,
            second_reason,
            third_reason,
            model_name,
            model_version,
            use_note
        from scores
        qualify row_number() over (partition by person_id, task order by as_of desc, scored_at desc) = 1
    )

select *
from final

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
            risk_change,
            as_of_before,
            percentile,
            percentile_age_sex,
            band,
            equation_name,
            risk_equation,
            first_reason,
            second_reason,
            third_reason,
            reasons,
            first_action,
            first_action_grade,
            first_action_citation,
            n_actions,
            actions,
            key_inputs_missing,
            oldest_input_days,
            is_drifted,
            model_name,
            model_version,
            use_note
        from scores
        qualify row_number() over (partition by person_id, task order by as_of desc, scored_at desc) = 1
    )

select *
from final

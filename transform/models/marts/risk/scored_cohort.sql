with
    scores as (select * from {{ source("ml_results", "scored_cohort") }}),

    people as (select * from {{ ref("twin_person") }}),

    final as (
        select
            scores.task,
            scores.task_hash,
            scores.person_id,
            scores.as_of,
            scores.horizon_days,
            cast({{ years_between("people.birth_date", "scores.as_of") }} as integer) as age_years,
            people.sex,
            people.region_id,
            scores.eligible as is_eligible,
            scores.ineligible_reason,
            scores.risk,
            scores.risk_lo,
            scores.risk_hi,
            scores.risk_competing,
            scores.risk - scores.risk_before as risk_change,
            scores.as_of_before,
            scores.percentile,
            scores.percentile_age_sex,
            scores.band,
            scores.equation_name,
            scores.risk_equation,
            scores.reasons,
            json_extract_string(scores.reasons, '$[0].label') as first_reason,
            json_extract_string(scores.reasons, '$[1].label') as second_reason,
            json_extract_string(scores.reasons, '$[2].label') as third_reason,
            scores.actions,
            json_extract_string(scores.actions, '$[0].text') as first_action,
            json_extract_string(scores.actions, '$[0].grade') as first_action_grade,
            json_extract_string(scores.actions, '$[0].citation') as first_action_citation,
            cast(json_array_length(scores.actions) as integer) as n_actions,
            scores.n_features_missing,
            scores.key_inputs_missing,
            scores.oldest_input_days,
            scores.defaulted_inputs,
            scores.out_of_range_inputs,
            scores.drift_flag as is_drifted,
            scores.model_name,
            scores.model_version,
            scores.run_id,
            scores.core_version,
            scores.scored_at,
            '{{ var("research_use") }}' as use_note
        from scores
        left join people on people.person_id = scores.person_id
    )

select *
from final

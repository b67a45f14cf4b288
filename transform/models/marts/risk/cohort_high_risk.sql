with
    risks as (select * from {{ ref("risk_current") }} where band in ('high', 'very_high')),

    people as (select * from {{ ref("twin_person") }}),

    summaries as (select * from {{ ref("patient_summary") }}),

    final as (
        select
            risks.task,
            cast(
                row_number() over (
                    partition by risks.task order by risks.risk desc, risks.person_id
                ) as integer
            ) as rank_no,
            risks.person_id,
            risks.age_years,
            risks.sex,
            people.region_id,
            risks.risk,
            risks.risk_lo,
            risks.risk_hi,
            risks.risk_change,
            risks.risk_equation,
            risks.band,
            risks.first_reason,
            risks.second_reason,
            risks.third_reason,
            risks.first_action,
            risks.first_action_grade,
            risks.first_action_citation,
            risks.actions,
            risks.key_inputs_missing,
            summaries.on_glucose_lowering,
            summaries.on_lipid_lowering,
            summaries.on_blood_pressure_lowering,
            summaries.last_observed_at,
            risks.as_of,
            risks.model_version,
            risks.use_note
        from risks
        left join people on people.person_id = risks.person_id
        left join summaries on summaries.person_id = risks.person_id
        where people.death_date is null
    )

select *
from final

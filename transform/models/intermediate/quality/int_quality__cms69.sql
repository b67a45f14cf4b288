-- CMS69, body mass index screening and follow-up plan. One row per person and period in the initial
-- population.
with
    facts as (select * from {{ ref("int_quality__fact") }}),

    members as (select * from {{ ref("int_quality__member") }}),

    encounters as (
        select
            person_id,
            period_start,
            period_end,
            start_date,
            {{ years_between("birth_date", "start_date") }} as age_years
        from {{ quality_encounters(["bmi_encounter"]) }}
        where status = 'finished' and category is distinct from 'VR'
    ),

    initial_population as (
        select distinct person_id, period_start, period_end from encounters where age_years >= 18
    ),

    pregnant as (
        select encounters.person_id, encounters.period_start
        from encounters
        inner join facts on facts.person_id = encounters.person_id
        where
            facts.domain = 'condition'
            and facts.value_set = 'pregnancy_related_diagnosis'
            and facts.status = 'active'
            and facts.start_date <= encounters.period_end
            and facts.end_date >= encounters.period_start
    ),

    measured as (
        select
            facts.person_id,
            periods.period_start,
            bool_or(facts.value_num >= 25) as is_high,
            bool_or(facts.value_num < 18.5) as is_low
        from facts
        inner join
            {{ ref("int_quality__period") }} as periods
            on facts.start_date >= periods.period_start
            and facts.end_date <= periods.period_end
        where
            facts.domain = 'measurement'
            and facts.value_set = 'body_mass_index'
            and {{ quality_is_result("facts.status") }}
            and facts.value_num > 0
            and facts.unit = 'kg/m2'
        group by facts.person_id, periods.period_start
    ),

    -- which finding an intervention answers
    answering as (
        select *
        from
            (
                values
                    ('high', 'bmi_above_normal_follow_up', 'order', 'overweight_or_obese'),
                    ('high', 'weight_assessment_referral', 'order', 'overweight_or_obese'),
                    ('high', 'bmi_above_normal_drug', 'medication', 'overweight_or_obese'),
                    ('high', 'bmi_above_normal_follow_up', 'procedure', 'overweight_or_obese'),
                    ('low', 'bmi_below_normal_follow_up', 'order', 'underweight'),
                    ('low', 'weight_assessment_referral', 'order', 'underweight'),
                    ('low', 'bmi_below_normal_drug', 'medication', 'underweight'),
                    ('low', 'bmi_below_normal_follow_up', 'procedure', 'underweight')
            ) as listed(finding, value_set, domain, reason_set)
    ),

    interventions as (
        select facts.*, answering.finding, answering.reason_set
        from facts
        inner join answering on answering.value_set = facts.value_set and answering.domain = facts.domain
        where facts.domain <> 'procedure' or facts.status = 'completed'
    ),

    -- the reason stands in the intervention, or the condition is on record by then
    reasoned as (
        select interventions.*
        from interventions
        where
            exists (
                select 1
                from members
                where
                    members.value_set = interventions.reason_set
                    and {{ code_key("members.code_system", "members.code") }}
                    = {{ code_key("members.code_system", "interventions.value_code") }}
            )
            or exists (
                select 1
                from facts as conditions
                where
                    conditions.person_id = interventions.person_id
                    and conditions.domain = 'condition'
                    and conditions.value_set = interventions.reason_set
                    and conditions.category is distinct from 'encounter-diagnosis'
                    and conditions.start_date <= interventions.start_date
                    and case
                        when interventions.domain = 'procedure'
                        then conditions.end_date >= interventions.start_date
                        else conditions.status in ('active', 'recurrence', 'relapse')
                    end
            )
    ),

    numerator as (
        select measured.person_id, measured.period_start
        from measured
        where not measured.is_high and not measured.is_low
        union all
        select measured.person_id, measured.period_start
        from measured
        inner join {{ ref("int_quality__period") }} as periods on periods.period_start = measured.period_start
        inner join
            reasoned
            on reasoned.person_id = measured.person_id
            and reasoned.start_date between periods.period_start and periods.period_end
        where
            (measured.is_high and reasoned.finding = 'high') or (measured.is_low and reasoned.finding = 'low')
    ),

    exception as (
        select encounters.person_id, encounters.period_start
        from encounters
        inner join facts on facts.person_id = encounters.person_id
        inner join members on members.code = facts.value_code
        where
            facts.domain = 'not_done'
            and (
                (
                    facts.value_set = 'body_mass_index'
                    and facts.end_date = encounters.start_date
                    and members.value_set in ('patient_declined', 'medical_reason')
                )
                or (
                    facts.value_set in (
                        'weight_assessment_referral',
                        'bmi_above_normal_follow_up',
                        'bmi_below_normal_follow_up',
                        'bmi_above_normal_drug',
                        'bmi_below_normal_drug'
                    )
                    and facts.start_date = encounters.start_date
                    and facts.status = 'completed'
                    and members.value_set = 'medical_reason'
                )
            )
    ),

    judged as (
        select
            person_id,
            period_start,
            list_concat(
                coalesce(exclusions.reasons, []),
                case when {{ quality_is_in("pregnant") }} then ['pregnancy'] else [] end
            ) as reasons
        from initial_population
        left join
            {{ quality_exclusions(["hospice", "palliative_care"]) }} as exclusions using (
                person_id, period_start
            )
    )

    {{
        quality_result(
            "cms69", is_numerator=quality_is_in("numerator"), is_exception=quality_is_in("exception")
        )
    }}

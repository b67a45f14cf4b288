-- CMS22, screening for high blood pressure and follow-up documented. One row per encounter in the initial
-- population: this measure counts encounters.
with
    facts as (select * from {{ ref("int_quality__fact") }}),

    members as (select * from {{ ref("int_quality__member") }}),

    readings as (select * from {{ ref("int_quality__blood_pressure") }}),

    encounters as (
        select
            fact_key as episode, person_id, period_start, period_end, start_at, end_at, start_date, end_date
        from {{ quality_encounters(["blood_pressure_encounter"]) }}
        where
            status = 'finished'
            and category is distinct from 'VR'
            and {{ years_between("birth_date", "period_start") }} >= 18
    ),

    -- the last reading of the encounter
    last_readings as (
        select encounters.episode, readings.systolic, readings.diastolic
        from encounters
        inner join
            readings
            on readings.person_id = encounters.person_id
            and readings.end_date between encounters.start_date and encounters.end_date
        qualify
            row_number() over (
                partition by encounters.episode
                order by
                    readings.end_at between encounters.start_at and encounters.end_at desc,
                    readings.start_at desc
            )
            = 1
    ),

    -- the last reading before it, back to one year
    prior_readings as (
        select encounters.episode, readings.systolic, readings.diastolic
        from encounters
        inner join
            readings
            on readings.person_id = encounters.person_id
            and readings.end_at between encounters.start_at - interval 1 year and encounters.start_at
        qualify row_number() over (partition by encounters.episode order by readings.start_at desc) = 1
    ),

    graded as (
        select
            encounters.*,
            last_readings.systolic,
            last_readings.diastolic,
            last_readings.systolic > 0 and last_readings.diastolic > 0 as is_complete,
            coalesce(
                prior_readings.systolic > 0
                and prior_readings.diastolic > 0
                and (prior_readings.systolic >= 130 or prior_readings.diastolic >= 80),
                false
            ) as is_second
        from encounters
        left join last_readings on last_readings.episode = encounters.episode
        left join prior_readings on prior_readings.episode = encounters.episode
    ),

    -- a high reading is the first one unless the encounter has an earlier high one; an earlier high
    -- one of any encounter makes all of the person's high readings second ones too
    staged as (
        select *, 'normal' as stage
        from graded
        where is_complete and systolic < 120 and diastolic < 80
        union all
        select *, 'elevated'
        from graded
        where is_complete and systolic between 120 and 129 and diastolic < 80
        union all
        select *, 'first'
        from graded
        where is_complete and (systolic >= 130 or diastolic >= 80) and not is_second
        union all
        select
            * exclude (is_known),
            case when systolic >= 140 or diastolic >= 90 then 'second_140' else 'second_130' end
        from
            (select *, bool_or(is_second) over (partition by person_id, period_start) as is_known from graded)
        where is_complete and (systolic >= 130 or diastolic >= 80) and is_known
    ),

    -- what the measure asks for: kinds of interventions, by the value sets that name them
    kinds as (
        select *
        from
            (
                values
                    ('follow_up_within_4_weeks', 'follow_up_4_weeks'),
                    ('follow_up_within_6_months', 'follow_up_6_months'),
                    ('primary_care_referral', 'referral'),
                    ('lifestyle_recommendation', 'lifestyle'),
                    ('weight_reduction_recommendation', 'lifestyle'),
                    ('dietary_recommendation', 'lifestyle'),
                    ('physical_activity_recommendation', 'lifestyle'),
                    ('alcohol_counselling', 'lifestyle'),
                    ('electrocardiogram', 'test'),
                    ('hypertension_laboratory_test', 'test'),
                    ('hypertension_drug', 'drug')
            ) as listed(value_set, kind)
    ),

    ordered as (
        select facts.person_id, kinds.kind, facts.start_date
        from facts
        inner join kinds on kinds.value_set = facts.value_set
        where
            (
                facts.domain = 'order'
                and facts.category = 'order'
                and (
                    kinds.kind <> 'referral'
                    or {{ code_key("'icd'", "facts.value_code") }} in (
                        select {{ code_key("'icd'", "code") }}
                        from members
                        where value_set = 'elevated_blood_pressure_finding'
                    )
                )
            )
            or (facts.domain = 'medication' and facts.status = 'active')
    ),

    planned as (
        select
            ordered.episode,
            bool_or(ordered.kind = 'follow_up_4_weeks' and ordered.is_at_encounter) as has_follow_up_4_weeks,
            bool_or(
                ordered.kind = 'follow_up_6_months' and ordered.is_at_encounter
            ) as has_follow_up_6_months,
            bool_or(ordered.kind = 'referral' and ordered.is_at_encounter) as has_referral,
            bool_or(ordered.kind = 'lifestyle' and ordered.is_at_encounter) as has_lifestyle_now,
            bool_or(ordered.kind = 'lifestyle') as has_lifestyle,
            bool_or(ordered.kind = 'test') as has_test,
            bool_or(ordered.kind = 'drug') as has_drug
        from
            (
                select
                    encounters.episode,
                    ordered.kind,
                    ordered.start_date
                    between encounters.start_date and encounters.end_date as is_at_encounter
                from encounters
                inner join
                    ordered
                    on ordered.person_id = encounters.person_id
                    and ordered.start_date between encounters.period_start and encounters.period_end
            ) as ordered
        group by ordered.episode
    ),

    numerator as (
        select staged.episode
        from staged
        left join planned on planned.episode = staged.episode
        where
            case
                staged.stage
                when 'normal'
                then true
                when 'elevated'
                then (has_follow_up_6_months and has_lifestyle_now) or has_referral
                when 'first'
                then (has_follow_up_4_weeks and has_lifestyle) or has_referral
                when 'second_130'
                then (has_follow_up_6_months and has_test and has_lifestyle) or has_referral
                when 'second_140'
                then (has_follow_up_4_weeks and has_test and has_lifestyle and has_drug) or has_referral
                else false
            end
    ),

    refused as (
        select facts.person_id, kinds.kind, facts.start_date
        from facts
        inner join kinds on kinds.value_set = facts.value_set
        where
            facts.domain = 'not_done'
            and (facts.status = 'completed' or kinds.kind = 'test')
            and (
                kinds.kind = 'drug'
                or facts.value_code in (select code from members where value_set = 'patient_declined')
            )
    ),

    exception as (
        select staged.episode
        from staged
        inner join
            refused
            on refused.person_id = staged.person_id
            and refused.start_date between staged.start_date and staged.end_date
        where
            case
                staged.stage
                when 'elevated'
                then refused.kind in ('referral', 'follow_up_6_months', 'lifestyle')
                when 'first'
                then refused.kind in ('referral', 'follow_up_4_weeks', 'lifestyle')
                when 'second_130'
                then refused.kind in ('referral', 'follow_up_6_months', 'test', 'lifestyle')
                when 'second_140'
                then refused.kind in ('referral', 'follow_up_4_weeks', 'test', 'lifestyle', 'drug')
                else false
            end
        union all
        select encounters.episode
        from encounters
        inner join
            facts
            on facts.person_id = encounters.person_id
            and cast(facts.issued_at as date) between encounters.start_date and encounters.end_date
        where
            facts.domain = 'not_done'
            and facts.value_set
            in ('blood_pressure_panel', 'systolic_blood_pressure', 'diastolic_blood_pressure')
            and facts.value_code
            in (select code from members where value_set in ('patient_declined', 'medical_reason'))
    ),

    exclusion as (
        select encounters.episode
        from encounters
        inner join
            facts on facts.person_id = encounters.person_id and facts.start_date <= encounters.start_date
        where
            facts.domain = 'condition'
            and facts.value_set = 'hypertension_diagnosis'
            and facts.category is distinct from 'encounter-diagnosis'
    ),

    final as (
        select
            'cms22' as measure,
            period_start,
            person_id,
            episode,
            episode in (select episode from exclusion) as is_excluded,
            episode in (select episode from exception) as is_exception,
            episode in (select episode from numerator) as is_numerator,
            case
                when episode in (select episode from exclusion) then 'hypertension_diagnosis' else ''
            end as exclusions
        from encounters
    )

select *
from final

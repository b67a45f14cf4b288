-- CMS122, diabetes with glycemic status assessment greater than 9 %: lower is better. One row per person and
-- period in the initial population.
with
    facts as (select * from {{ ref("int_quality__fact") }}),

    initial_population as (
        select *
        from {{ quality_people_seen(["nutrition_services", "nutrition_therapy"]) }} as seen
        where
            age_years between 18 and 75
            and exists (
                select 1
                from facts
                where
                    facts.person_id = seen.person_id
                    and facts.domain = 'condition'
                    and facts.value_set = 'diabetes'
                    and coalesce(facts.category, 'encounter-diagnosis') = 'encounter-diagnosis'
                    and facts.start_date <= seen.period_end
                    and facts.end_date >= seen.period_start
            )
    ),

    -- the last day with a result; of several the lowest, and none if one of them has no value
    assessments as (
        select
            facts.person_id,
            periods.period_start,
            min(facts.value_num) as lowest_percent,
            bool_or(not facts.has_value) as is_without_result
        from facts
        inner join
            {{ ref("int_quality__period") }} as periods
            on facts.end_date between periods.period_start and periods.period_end
        where
            facts.domain = 'measurement'
            and facts.value_set in ('hba1c_test', 'glucose_management_indicator')
            and {{ quality_is_result("facts.status") }}
            and coalesce(facts.unit, '%') = '%'
        group by facts.person_id, periods.period_start, facts.end_date
        qualify
            row_number() over (
                partition by facts.person_id, periods.period_start order by facts.end_date desc
            )
            = 1
    ),

    judged as (
        select
            person_id,
            period_start,
            assessments.person_id is null
            or assessments.is_without_result
            or coalesce(assessments.lowest_percent > 9, false) as is_numerator,
            {{
                quality_reasons(
                    {
                        "advanced_illness_and_frailty": "age_years >= 66 and list_has_all(exclusions.reasons, ['frailty', 'advanced_illness'])"
                    }
                )
            }}
            as reasons
        from initial_population
        left join assessments using (person_id, period_start)
        left join {{ quality_exclusions() }} as exclusions using (person_id, period_start)
    )

    {{ quality_result("cms122") }}

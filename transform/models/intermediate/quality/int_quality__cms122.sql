-- CMS122, diabetes with glycemic status assessment greater than 9 %: lower is better. One row per person and
-- period in the initial population.
with
    facts as (select * from {{ ref("int_quality__fact") }}),

    exclusions as (
        select person_id, period_start, list(reason order by reason) as reasons
        from {{ ref("int_quality__exclusion") }}
        group by person_id, period_start
    ),

    encounters as (
        select distinct facts.person_id, periods.period_start, periods.period_end
        from facts
        inner join
            {{ ref("int_quality__period") }} as periods
            on facts.start_date >= periods.period_start
            and facts.end_date <= periods.period_end
        where
            facts.domain = 'encounter'
            and facts.status in ('finished', 'arrived', 'triaged', 'in-progress', 'onleave')
            and facts.value_set in (
                'office_visit',
                'annual_wellness_visit',
                'preventive_visit_established',
                'preventive_visit_initial',
                'home_healthcare_services',
                'nutrition_services',
                'nutrition_therapy',
                'telephone_visit'
            )
    ),

    initial_population as (
        select encounters.*, {{ years_between("people.birth_date", "encounters.period_end") }} as age_years
        from encounters
        inner join {{ ref("twin_person") }} as people on people.person_id = encounters.person_id
        where
            {{ years_between("people.birth_date", "encounters.period_end") }} between 18 and 75
            and exists (
                select 1
                from facts
                where
                    facts.person_id = encounters.person_id
                    and facts.domain = 'condition'
                    and facts.value_set = 'diabetes'
                    and coalesce(facts.category, 'encounter-diagnosis') = 'encounter-diagnosis'
                    and facts.start_date <= encounters.period_end
                    and facts.end_date >= encounters.period_start
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
            and facts.status in ('final', 'amended', 'corrected')
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
            initial_population.person_id,
            initial_population.period_start,
            assessments.person_id is null
            or assessments.is_without_result
            or coalesce(assessments.lowest_percent > 9, false) as is_numerator,
            list_filter(
                [
                    case when list_contains(exclusions.reasons, 'hospice') then 'hospice' end,
                    case when list_contains(exclusions.reasons, 'palliative_care') then 'palliative_care' end,
                    case
                        when
                            initial_population.age_years >= 66
                            and list_contains(exclusions.reasons, 'nursing_home')
                        then 'nursing_home'
                    end,
                    case
                        when
                            initial_population.age_years >= 66
                            and list_contains(exclusions.reasons, 'frailty')
                            and list_contains(exclusions.reasons, 'advanced_illness')
                        then 'advanced_illness_and_frailty'
                    end
                ],
                lambda reason:reason is not null
            ) as reasons
        from initial_population
        left join assessments using (person_id, period_start)
        left join exclusions using (person_id, period_start)
    ),

    final as (
        select
            'cms122' as measure,
            period_start,
            person_id,
            '' as episode,
            len(reasons) > 0 as is_excluded,
            false as is_exception,
            is_numerator,
            array_to_string(reasons, ',') as exclusions
        from judged
    )

select *
from final

-- CMS165, controlling high blood pressure. One row per person and period in the initial population.
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
                'virtual_encounter',
                'telephone_visit'
            )
    ),

    -- hypertension that was there in the first half of the year
    initial_population as (
        select encounters.*, {{ years_between("people.birth_date", "encounters.period_end") }} as age_years
        from encounters
        inner join {{ ref("twin_person") }} as people on people.person_id = encounters.person_id
        where
            {{ years_between("people.birth_date", "encounters.period_end") }} between 18 and 85
            and exists (
                select 1
                from facts
                where
                    facts.person_id = encounters.person_id
                    and facts.domain = 'condition'
                    and facts.value_set = 'essential_hypertension'
                    and facts.start_date < encounters.period_start + interval 6 month
                    and facts.end_date >= encounters.period_start
            )
    ),

    renal_or_pregnant as (
        select periods.period_start, facts.person_id
        from facts
        cross join {{ ref("int_quality__period") }} as periods
        where
            (
                facts.domain = 'condition'
                and facts.value_set
                in ('pregnancy', 'end_stage_renal_disease', 'kidney_transplant_recipient', 'ckd_stage_5')
                and facts.start_date <= periods.period_end
                and facts.end_date >= periods.period_start
            )
            or (
                facts.domain = 'procedure'
                and facts.status = 'completed'
                and facts.value_set in ('kidney_transplant', 'dialysis_services')
                and facts.end_at < periods.period_end_at
            )
            or (
                facts.domain = 'encounter'
                and facts.status in ('finished', 'arrived', 'triaged', 'in-progress', 'onleave')
                and facts.value_set = 'esrd_monthly_outpatient_services'
                and facts.start_at < periods.period_end_at
            )
    ),

    -- the lowest values of the last day on which both were measured outside hospital
    readings as (
        select
            readings.person_id,
            periods.period_start,
            min(readings.systolic) as systolic,
            min(readings.diastolic) as diastolic
        from {{ ref("int_quality__blood_pressure") }} as readings
        inner join
            {{ ref("int_quality__period") }} as periods
            on readings.end_date between periods.period_start and periods.period_end
        where coalesce(readings.encounter_class not in ('EMER', 'IMP', 'ACUTE', 'NONAC', 'PRENC', 'SS'), true)
        group by readings.person_id, periods.period_start, readings.end_date
        having count(readings.systolic) > 0 and count(readings.diastolic) > 0
        qualify
            row_number() over (
                partition by readings.person_id, periods.period_start order by readings.end_date desc
            )
            = 1
    ),

    judged as (
        select
            initial_population.person_id,
            initial_population.period_start,
            coalesce(readings.systolic < 140 and readings.diastolic < 90, false) as is_numerator,
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
                            initial_population.age_years between 66 and 80
                            and list_contains(exclusions.reasons, 'frailty')
                            and list_contains(exclusions.reasons, 'advanced_illness')
                        then 'advanced_illness_and_frailty'
                    end,
                    case
                        when
                            initial_population.age_years >= 81
                            and list_contains(exclusions.reasons, 'frailty')
                        then 'frailty'
                    end,
                    case
                        when
                            (initial_population.person_id, initial_population.period_start)
                            in (select (person_id, period_start) from renal_or_pregnant)
                        then 'pregnancy_or_renal_disease'
                    end
                ],
                lambda reason:reason is not null
            ) as reasons
        from initial_population
        left join readings using (person_id, period_start)
        left join exclusions using (person_id, period_start)
    ),

    final as (
        select
            'cms165' as measure,
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

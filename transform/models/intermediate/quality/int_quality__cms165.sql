-- CMS165, controlling high blood pressure. One row per person and period in the initial population.
with
    facts as (select * from {{ ref("int_quality__fact") }}),

    -- hypertension that was there in the first half of the year
    initial_population as (
        select *
        from {{ quality_people_seen(["virtual_encounter"]) }} as seen
        where
            age_years between 18 and 85
            and exists (
                select 1
                from facts
                where
                    facts.person_id = seen.person_id
                    and facts.domain = 'condition'
                    and facts.value_set = 'essential_hypertension'
                    and facts.start_date < seen.period_start + interval 6 month
                    and facts.end_date >= seen.period_start
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
                and {{ quality_took_place("facts.status") }}
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
            person_id,
            period_start,
            coalesce(readings.systolic < 140 and readings.diastolic < 90, false) as is_numerator,
            {{
                quality_reasons(
                    {
                        "advanced_illness_and_frailty": "age_years between 66 and 80 and list_has_all(exclusions.reasons, ['frailty', 'advanced_illness'])",
                        "frailty": "age_years >= 81 and list_contains(exclusions.reasons, 'frailty')",
                        "pregnancy_or_renal_disease": quality_is_in("renal_or_pregnant"),
                    }
                )
            }}
            as reasons
        from initial_population
        left join readings using (person_id, period_start)
        left join {{ quality_exclusions() }} as exclusions using (person_id, period_start)
    )

    {{ quality_result("cms165") }}

-- CMS2, screening for depression and follow-up plan. One row per person and period in the initial population.
-- 12 to 16 years: the adolescent tool; 17 years: either; from 18: the adult tool.
with
    facts as (select * from {{ ref("int_quality__fact") }}),

    members as (select * from {{ ref("int_quality__member") }}),

    encounters as (
        select
            person_id,
            period_start,
            period_end,
            start_at,
            end_at,
            start_date,
            end_date,
            {{ years_between("birth_date", "period_start") }} as age_years
        from
            {{
                quality_encounters(
                    ["depression_screening_encounter", "physical_therapy_evaluation", "telephone_visit"]
                )
            }}
        where status = 'finished'
    ),

    initial_population as (
        select distinct person_id, period_start, age_years from encounters where age_years >= 12
    ),

    tools as (
        select *
        from
            (
                values
                    ('adolescent_depression_screening', 'adolescent', 12, 17),
                    ('adult_depression_screening', 'adult', 17, 999)
            ) as listed(value_set, tool, youngest, oldest)
    ),

    -- the last screening in the 14 days up to an encounter
    screenings as (
        select
            encounters.person_id,
            encounters.period_start,
            tools.tool,
            facts.value_code,
            facts.start_date,
            facts.end_date
        from encounters
        inner join
            facts
            on facts.person_id = encounters.person_id
            and facts.end_date <= encounters.start_date
            and facts.end_date >= encounters.start_date - interval 14 day
        inner join tools on tools.value_set = facts.value_set
        where facts.domain = 'measurement' and facts.status = 'final' and facts.has_value
        qualify
            row_number() over (
                partition by encounters.person_id, encounters.period_start, tools.tool
                order by facts.start_at desc, facts.fact_key
            )
            = 1
    ),

    answers as (
        select
            screenings.*,
            members.value_set = 'depression_screening_negative' as is_negative,
            members.value_set = 'depression_screening_positive' as is_positive
        from screenings
        inner join
            members
            on members.code = screenings.value_code
            and members.value_set in ('depression_screening_negative', 'depression_screening_positive')
    ),

    follow_ups as (
        select person_id, split_part(value_set, '_', 1) as tool, domain, start_at, start_date
        from facts
        where
            (
                domain = 'medication'
                and value_set in ('adolescent_depression_drug', 'adult_depression_drug')
                and status in ('active', 'completed')
                and category = 'order'
            )
            or (
                domain = 'order'
                and value_set in ('adolescent_depression_referral', 'adult_depression_referral')
                and status in ('active', 'completed')
            )
            or (
                domain = 'procedure'
                and value_set in ('adolescent_depression_follow_up', 'adult_depression_follow_up')
                and status = 'completed'
            )
    ),

    followed_up as (
        select distinct answers.person_id, answers.period_start, answers.tool
        from answers
        inner join
            encounters
            on encounters.person_id = answers.person_id
            and encounters.period_start = answers.period_start
            and answers.start_date between encounters.start_date - interval 14 day and encounters.start_date
        inner join
            follow_ups
            on follow_ups.person_id = answers.person_id
            and follow_ups.tool = answers.tool
            and follow_ups.start_date between encounters.period_start and encounters.period_end
        where
            answers.is_positive
            and case
                when follow_ups.domain = 'procedure'
                then follow_ups.start_at between encounters.start_at and encounters.end_at
                else
                    follow_ups.start_date between encounters.end_date and encounters.end_date + interval 2 day
            end
    ),

    numerator as (
        select initial_population.person_id, initial_population.period_start
        from initial_population
        inner join answers using (person_id, period_start)
        inner join tools on tools.tool = answers.tool
        left join
            followed_up
            on followed_up.person_id = answers.person_id
            and followed_up.period_start = answers.period_start
            and followed_up.tool = answers.tool
        where
            initial_population.age_years between tools.youngest and tools.oldest
            and (answers.is_negative or followed_up.person_id is not null)
    ),

    exclusion as (
        select encounters.person_id, encounters.period_start
        from encounters
        inner join facts on facts.person_id = encounters.person_id and facts.start_at < encounters.start_at
        where
            facts.domain = 'condition'
            and facts.value_set = 'bipolar_disorder'
            and facts.category is distinct from 'encounter-diagnosis'
    ),

    exception as (
        select encounters.person_id, encounters.period_start
        from encounters
        inner join
            facts
            on facts.person_id = encounters.person_id
            and facts.issued_at between encounters.start_at and encounters.end_at
        inner join tools on tools.value_set = facts.value_set
        inner join
            members
            on members.code = facts.value_code
            and members.value_set in ('depression_screening_declined', 'medical_reason')
        left join
            screenings
            on screenings.person_id = encounters.person_id
            and screenings.period_start = encounters.period_start
            and screenings.tool = tools.tool
        where facts.domain = 'not_done' and screenings.person_id is null
    ),

    judged as (
        select *, case when {{ quality_is_in("exclusion") }} then ['bipolar_disorder'] else [] end as reasons
        from initial_population
    )

    {{
        quality_result(
            "cms2", is_numerator=quality_is_in("numerator"), is_exception=quality_is_in("exception")
        )
    }}

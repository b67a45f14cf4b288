-- One row per person and rule of care that applies to them on the last day of their data: what is due, when
-- it
-- was last done, and whether it is overdue. Rules are data (seed care_gap_rule).
with
    rules as (select * from {{ ref("care_gap_rule") }}),

    people as (
        select
            person_id,
            sex,
            region_id,
            coalesce(birth_date, make_date(birth_year, 7, 1)) as birth_date,
            cast(last_observed_at as date) as last_observed_on
        from {{ ref("twin_person") }}
        where death_date is null and last_observed_at is not null
    ),

    last_day as (select max(last_observed_on) as day from people where last_observed_on <= current_date),

    -- as in patient_summary: where dates are shifted, a person's own last record is the day
    assessed as (
        select
            people.*,
            case
                when people.last_observed_on <= current_date then last_day.day else people.last_observed_on
            end as assessed_on
        from people
        cross join last_day
    ),

    phenotypes as (
        select person_id, replace(variable, 'phenotype_', '') as phenotype, min(valid_from) as onset_at
        from {{ ref("twin_state") }}
        where variable like 'phenotype_%' and known_to is null
        group by person_id, variable
    ),

    due as (
        select
            assessed.person_id,
            assessed.assessed_on,
            rules.rule,
            rules.what,
            rules.grade,
            rules.citation,
            cast(rules.within_days as integer) as within_days,
            rules.concept,
            rules.code_system,
            rules.codes,
            rules.indication_group
        from assessed
        inner join
            rules
            on (rules.sex is null or rules.sex = assessed.sex)
            and {{ years_between("assessed.birth_date", "assessed.assessed_on") }} >= rules.age_from
            and (
                rules.age_to is null
                or {{ years_between("assessed.birth_date", "assessed.assessed_on") }} <= rules.age_to
            )
        where
            rules.phenotype is null
            or (assessed.person_id, rules.phenotype) in (select (person_id, phenotype) from phenotypes)
    ),

    done as (select * from {{ ref("int_care__done") }}),

    final as (
        select
            due.person_id,
            due.rule,
            due.what,
            due.assessed_on,
            cast(done.done_at as date) as last_done_on,
            case
                when done.holds_to < timestamp '9999-01-01' then cast(done.holds_to as date) + due.within_days
            end as due_on,
            case
                when done.done_at is null
                then 'never_done'
                when date_diff('day', cast(done.holds_to as date), due.assessed_on) > due.within_days
                then 'overdue'
                else 'closed'
            end as status,
            due.within_days,
            due.grade,
            due.citation,
            '{{ var("research_use") }}' as use_note
        from due
        left join done on done.person_id = due.person_id and done.rule = due.rule
    )

select *
from final
order by person_id, rule

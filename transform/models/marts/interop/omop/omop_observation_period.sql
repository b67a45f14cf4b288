-- One row per person: from the first to the last contact or dated event that is no family history and lies
-- within life.
with
    people as (select * from {{ here(ref("interop_person")) }} where birth_year is not null),

    events as (
        select person_id, min(start_date) as first_date, max(coalesce(end_date, start_date)) as last_date
        from {{ here(ref("omop_event")) }}
        where domain not in ('family_history', 'device')
        group by person_id
    ),

    spans as (
        select
            people.subject_id,
            people.death_date,
            greatest(
                least(events.first_date, cast(people.first_observed_at as date)),
                coalesce(people.birth_date, make_date(people.birth_year, 1, 1))
            ) as first_date,
            greatest(events.last_date, cast(people.last_observed_at as date)) as last_date
        from people
        left join events on events.person_id = people.subject_id
    ),

    final as (
        select
            subject_id as observation_period_id,
            subject_id as person_id,
            first_date as observation_period_start_date,
            greatest(
                first_date, least(last_date, coalesce(death_date, last_date))
            ) as observation_period_end_date,
            32817 as period_type_concept_id
        from spans
        where first_date is not null
    )

select *
from final

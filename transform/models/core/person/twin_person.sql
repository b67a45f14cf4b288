with
    people as (select * from {{ ref("int_person__resolved") }}),

    contacts as (select * from {{ ref("int_person__contact") }}),

    final as (
        select
            people.person_id,
            people.birth_date,
            people.birth_year,
            people.sex,
            people.death_date,
            people.region_id,
            contacts.first_observed_at,
            contacts.last_observed_at,
            cast(people.n_sources as integer) as n_sources
        from people
        left join contacts on contacts.person_id = people.person_id
    )

select *
from final

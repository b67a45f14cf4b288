-- One row per person of the CDM who is known to have died.
with
    final as (
        select people.subject_id as person_id, people.death_date, 32817 as death_type_concept_id
        from {{ here(ref("interop_person")) }} as people
        where people.death_date is not null and people.birth_year is not null
    )

select *
from final

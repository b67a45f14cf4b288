-- One row per person whom any source knew at the moment of the export; a later death is not told.
with
    people as (select * from {{ here(ref("twin_person")) }}),

    moved as (select key, id from {{ here(ref("interop_id_moved")) }} where kind = 'person'),

    final as (
        select
            people.person_id,
            coalesce(
                moved.id, {{ interop_id("person", interop_hash("person", "people.person_id")) }}
            ) as subject_id,
            people.birth_date,
            people.birth_year,
            people.sex,
            case
                when {{ export_moment() }} is null or people.death_date < {{ export_moment() }}
                then people.death_date
            end as death_date,
            people.first_observed_at,
            least(
                people.last_observed_at, coalesce({{ export_moment() }}, people.last_observed_at)
            ) as last_observed_at
        from people
        left join moved on moved.key = people.person_id
        where {{ export_moment() }} is null or people.first_observed_at <= {{ export_moment() }}
    )

select *
from final

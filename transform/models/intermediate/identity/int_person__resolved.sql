-- One row per person: of what its sources state, the value that most of them agree on; hospital records
-- count before account lists and sample sheets, then the latest change, then the smallest value.
with
    people as (select * from {{ ref("int_identity__person_record") }}),

    links as (select node_id, person_id from {{ ref("int_identity__link") }}),

    members as (
        select people.*, links.person_id, case when people.id_type = 'mrn' then 1 else 0 end as is_hospital
        from people
        inner join links on links.node_id = people.node_id
    ),

    birth_dates as (
        select person_id, birth_date
        from members
        where birth_date is not null
        group by person_id, birth_date
        qualify
            row_number() over (
                partition by person_id
                order by count(*) desc, max(is_hospital) desc, max(updated_at) desc nulls last, birth_date
            )
            = 1
    ),

    birth_years as (
        select person_id, min(birth_year) as birth_year
        from members
        where birth_year is not null
        group by person_id
    ),

    sexes as (
        select person_id, sex
        from members
        where sex <> 'unknown'
        group by person_id, sex
        qualify
            row_number() over (
                partition by person_id
                order by count(*) desc, max(is_hospital) desc, max(updated_at) desc nulls last, sex
            )
            = 1
    ),

    postal_codes as (
        select person_id, postal_key
        from members
        where postal_key is not null
        qualify
            row_number() over (
                partition by person_id order by is_hospital desc, updated_at desc nulls last, postal_key
            )
            = 1
    ),

    deaths as (
        select person_id, min(death_at) as death_at from members where death_at is not null group by person_id
    ),

    counts as (select person_id, count(distinct source_system) as n_sources from members group by person_id),

    final as (
        select
            counts.person_id,
            birth_dates.birth_date,
            coalesce(
                cast(extract(year from birth_dates.birth_date) as integer), birth_years.birth_year
            ) as birth_year,
            coalesce(sexes.sex, 'unknown') as sex,
            cast(deaths.death_at as date) as death_date,
            left(postal_codes.postal_key, 3) as region_id,
            counts.n_sources
        from counts
        left join birth_dates on birth_dates.person_id = counts.person_id
        left join birth_years on birth_years.person_id = counts.person_id
        left join sexes on sexes.person_id = counts.person_id
        left join postal_codes on postal_codes.person_id = counts.person_id
        left join deaths on deaths.person_id = counts.person_id
    )

select *
from final

-- One row per person with a year of birth, without which the CDM does not admit anyone.
with
    people as (select * from {{ here(ref("interop_person")) }}),

    final as (
        select
            subject_id as person_id,
            case sex when 'male' then 8507 when 'female' then 8532 else 0 end as gender_concept_id,
            birth_year as year_of_birth,
            cast(extract(month from birth_date) as integer) as month_of_birth,
            cast(extract(day from birth_date) as integer) as day_of_birth,
            cast(birth_date as timestamp) as birth_datetime,
            0 as race_concept_id,
            0 as ethnicity_concept_id,
            person_id as person_source_value,
            sex as gender_source_value,
            0 as gender_source_concept_id,
            0 as race_source_concept_id,
            0 as ethnicity_source_concept_id
        from people
        where birth_year is not null
    )

select *
from final

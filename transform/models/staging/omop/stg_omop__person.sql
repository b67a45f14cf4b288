-- One row per delivered copy of a person. The CDM has no names; a birth date is complete only with month
-- and day.
with
    deaths as (
        select source, person_id, min({{ omop_time("death_date", "death_datetime") }}) as death_at
        from {{ source("omop", "omop_death") }}
        group by source, person_id
    ),

    born as (
        select
            people.*,
            deaths.death_at,
            case when deaths.person_id is not null then true end as is_deceased,
            lpad(cast(people.month_of_birth as varchar), 2, '0') as birth_month,
            lpad(cast(people.day_of_birth as varchar), 2, '0') as birth_day
        from {{ source("omop", "omop_person") }} as people
        left join deaths on deaths.source = people.source and deaths.person_id = people.person_id
    )

select
    {{
        staged_person(
            {
                "source_table": "'omop_person'",
                "source_person_key": "person_id",
                "birth_date": "try_cast(concat_ws('-', year_of_birth, birth_month, birth_day) as date)",
                "birth_date_text": "concat_ws('-', year_of_birth, birth_month, case when month_of_birth is not null then birth_day end)",
                "sex": "case gender_concept_id when 8507 then 'male' when 8532 then 'female' else 'unknown' end",
                "death_at": "death_at",
                "is_deceased": "is_deceased",
            }
        )
    }}
from born

-- One row per delivered copy of a person. The CDM has no names; a birth date is complete only with month
-- and day.
with
    raw as (select * from {{ source("omop", "omop_person") }}),

    deaths as (
        select source, person_id, min({{ omop_time("death_date", "death_datetime") }}) as death_at
        from {{ source("omop", "omop_death") }}
        group by source, person_id
    ),

    final as (
        select
            raw.source as source_system,
            'omop_person' as source_table,
            cast(raw.person_id as varchar) as source_person_key,
            'mrn' as id_type,
            cast(null as varchar) as mrn,
            cast(null as varchar) as mrn_system,
            cast(null as varchar) as national_id,
            cast(null as varchar) as other_system,
            cast(null as varchar) as other_key,
            cast(null as varchar) as family,
            cast(null as varchar) as given,
            try_cast(
                concat_ws(
                    '-',
                    raw.year_of_birth,
                    lpad(cast(raw.month_of_birth as varchar), 2, '0'),
                    lpad(cast(raw.day_of_birth as varchar), 2, '0')
                ) as date
            ) as birth_date,
            concat_ws(
                '-',
                raw.year_of_birth,
                lpad(cast(raw.month_of_birth as varchar), 2, '0'),
                case
                    when raw.month_of_birth is not null then lpad(cast(raw.day_of_birth as varchar), 2, '0')
                end
            ) as birth_date_text,
            case
                raw.gender_concept_id when 8507 then 'male' when 8532 then 'female' else 'unknown'
            end as sex,
            deaths.death_at,
            case when deaths.person_id is not null then true end as is_deceased,
            cast(null as varchar) as phone,
            cast(null as varchar) as email,
            cast(null as varchar) as address_line,
            cast(null as varchar) as city,
            cast(null as varchar) as postal_code,
            cast(null as varchar) as replaced_by,
            cast(null as boolean) as is_active,
            cast(null as timestamp) as updated_at,
            raw.file_id,
            raw.record_no
        from raw
        left join deaths on deaths.source = raw.source and deaths.person_id = raw.person_id
    )

select *
from final

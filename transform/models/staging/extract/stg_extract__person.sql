with
    raw as (select * from {{ source("extract", "person_record") }}),

    final as (
        select
            source as source_system,
            'person_record' as source_table,
            person_key as source_person_key,
            id_type,
            case when id_type = 'mrn' then person_key end as mrn,
            cast(null as varchar) as mrn_system,
            national_id,
            other_system,
            other_key,
            family,
            given,
            birth_date,
            cast(birth_date as varchar) as birth_date_text,
            case
                when lower(sex) in ('male', 'm')
                then 'male'
                when lower(sex) in ('female', 'f')
                then 'female'
                else 'unknown'
            end as sex,
            cast(death_date as timestamp) as death_at,
            case when death_date is not null then true end as is_deceased,
            phone,
            email,
            address_line,
            city,
            postal_code,
            cast(null as varchar) as replaced_by,
            cast(null as boolean) as is_active,
            recorded_at as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final

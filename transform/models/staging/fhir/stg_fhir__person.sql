with
    raw as (select * from {{ source("fhir", "fhir_patient") }}),

    final as (
        select
            source as source_system,
            'fhir_patient' as source_table,
            id as source_person_key,
            'mrn' as id_type,
            mrn,
            mrn_system,
            national_id,
            cast(null as varchar) as other_system,
            cast(null as varchar) as other_key,
            family,
            given,
            case
                when {{ time_precision("birth_date") }} = 'day' then try_cast(birth_date as date)
            end as birth_date,
            birth_date as birth_date_text,
            case
                when lower(gender) in ('male', 'm')
                then 'male'
                when lower(gender) in ('female', 'f')
                then 'female'
                else 'unknown'
            end as sex,
            {{ time_start("deceased_at") }} as death_at,
            coalesce(deceased_flag, case when deceased_at is not null then true end) as is_deceased,
            phone,
            email,
            address_line,
            city,
            postal_code,
            replaced_by,
            active as is_active,
            {{ time_start("last_updated") }} as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final

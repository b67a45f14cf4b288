-- One row per delivered copy of a patient.
with
    raw as (select * from {{ source("synthea", "synthea_patients") }}),

    final as (
        select
            source as source_system,
            'synthea_patients' as source_table,
            id as source_person_key,
            'mrn' as id_type,
            cast(null as varchar) as mrn,
            cast(null as varchar) as mrn_system,
            ssn as national_id,
            cast(null as varchar) as other_system,
            cast(null as varchar) as other_key,
            "last" as family,
            "first" as given,
            birthdate as birth_date,
            cast(birthdate as varchar) as birth_date_text,
            case gender when 'M' then 'male' when 'F' then 'female' else 'unknown' end as sex,
            cast(deathdate as timestamp) as death_at,
            deathdate is not null as is_deceased,
            cast(null as varchar) as phone,
            cast(null as varchar) as email,
            address as address_line,
            city,
            zip as postal_code,
            cast(null as varchar) as replaced_by,
            cast(null as boolean) as is_active,
            cast(null as timestamp) as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final

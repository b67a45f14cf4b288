-- One row per delivered copy of a patient. MIMIC publishes an age in a shifted year: the year of birth
-- follows from both.
with
    raw as (select * from {{ source("mimic_iv", "mimic_iv_patients") }}),

    final as (
        select
            source as source_system,
            'mimic_iv_patients' as source_table,
            cast(subject_id as varchar) as source_person_key,
            'mrn' as id_type,
            cast(null as varchar) as mrn,
            cast(null as varchar) as mrn_system,
            cast(null as varchar) as national_id,
            cast(null as varchar) as other_system,
            cast(null as varchar) as other_key,
            cast(null as varchar) as family,
            cast(null as varchar) as given,
            cast(null as date) as birth_date,
            cast(anchor_year - anchor_age as varchar) as birth_date_text,
            case gender when 'M' then 'male' when 'F' then 'female' else 'unknown' end as sex,
            cast(dod as timestamp) as death_at,
            -- deaths are known up to a year after the last discharge: no date of death does not mean alive
            case when dod is not null then true end as is_deceased,
            cast(null as varchar) as phone,
            cast(null as varchar) as email,
            cast(null as varchar) as address_line,
            cast(null as varchar) as city,
            cast(null as varchar) as postal_code,
            cast(null as varchar) as replaced_by,
            cast(null as boolean) as is_active,
            cast(null as timestamp) as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final

-- One row per delivered instance (image): what its header says of the patient.
with
    raw as (select * from {{ source("dicom", "dicom_instance") }}),

    final as (
        select
            source as source_system,
            'dicom_instance' as source_table,
            patient_id as source_person_key,
            'mrn' as id_type,
            mrn,
            {{ hl7_issuer("mrn_issuer") }} as mrn_system,
            cast(null as varchar) as national_id,
            cast(null as varchar) as other_system,
            cast(null as varchar) as other_key,
            family,
            given,
            case
                when {{ time_precision("birth_date_iso") }} = 'day' then try_cast(birth_date_iso as date)
            end as birth_date,
            birth_date as birth_date_text,
            case upper(sex) when 'M' then 'male' when 'F' then 'female' else 'unknown' end as sex,
            cast(null as timestamp) as death_at,
            cast(null as boolean) as is_deceased,
            cast(null as varchar) as phone,
            cast(null as varchar) as email,
            cast(null as varchar) as address_line,
            cast(null as varchar) as city,
            cast(null as varchar) as postal_code,
            cast(null as varchar) as replaced_by,
            cast(null as boolean) as is_active,
            {{ time_start("study_started_iso") }} as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final

-- One row per record target (patient) of a document.
with
    raw as (select * from {{ source("ccda", "ccda_person") }}),

    final as (
        select
            source as source_system,
            'ccda_person' as source_table,
            patient_id as source_person_key,
            'mrn' as id_type,
            id_extension as mrn,
            {{ hl7_issuer("id_root") }} as mrn_system,
            national_id,
            cast(null as varchar) as other_system,
            cast(null as varchar) as other_key,
            family,
            given,
            case
                when {{ time_precision("birth_time_iso") }} in ('day', 'second')
                then try_cast(left(birth_time_iso, 10) as date)
            end as birth_date,
            birth_time as birth_date_text,
            case upper(gender) when 'M' then 'male' when 'F' then 'female' else 'unknown' end as sex,
            {{ time_start("deceased_time_iso") }} as death_at,
            case
                when lower(deceased) = 'true' or deceased_time_iso is not null
                then true
                when lower(deceased) = 'false'
                then false
            end as is_deceased,
            regexp_replace(phone, '^tel:', '') as phone,
            regexp_replace(email, '^mailto:', '') as email,
            address_line,
            city,
            postal_code,
            cast(null as varchar) as replaced_by,
            cast(null as boolean) as is_active,
            {{ time_start("document_time_iso") }} as updated_at,
            file_id,
            record_no
        from raw
    )

select *
from final

-- One row per patient identification segment (PID), and per record that a merge gives up (MRG of A18,
-- A30, A34, A36, A39, A40, A46, A47), each with what is known of the patient by then: an empty field
-- says nothing new.
with
    patients as (
        select
            source,
            'hl7v2_person' as source_table,
            patient_id as person_key,
            mrn,
            mrn_authority,
            national_id,
            family,
            given,
            birth_date,
            birth_date_iso,
            sex,
            deceased_at_iso,
            deceased_flag,
            coalesce(phone, phone_unformatted, '(' || phone_area || ')' || phone_local) as phone,
            email,
            address_line,
            city,
            postal_code,
            cast(null as varchar) as replaced_by,
            case when trigger_event = 'A29' then false end as is_active,
            {{ time_start("message_time_iso") }} as message_at,
            file_id,
            record_no
        from {{ source("hl7v2", "hl7v2_person") }}
    ),

    merges as (
        select
            source,
            'hl7v2_merge',
            prior_patient_id,
            prior_id,
            prior_authority,
            cast(null as varchar) as national_id,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            patient_id,
            false,
            {{ time_start("message_time_iso") }},
            file_id,
            record_no
        from {{ source("hl7v2", "hl7v2_merge") }}
        where
            prior_patient_id is not null
            and prior_patient_id <> patient_id
            and trigger_event in ('A18', 'A30', 'A34', 'A36', 'A39', 'A40', 'A46', 'A47')
    ),

    said as (
        select *
        from patients
        union all
        select *
        from merges
    ),

    carried as (
        select
            source,
            source_table,
            person_key,
            last_value(mrn ignore nulls) over known as mrn,
            last_value(mrn_authority ignore nulls) over known as mrn_authority,
            last_value(national_id ignore nulls) over known as national_id,
            last_value(family ignore nulls) over known as family,
            last_value(given ignore nulls) over known as given,
            last_value(birth_date ignore nulls) over known as birth_date,
            last_value(birth_date_iso ignore nulls) over known as birth_date_iso,
            last_value(sex ignore nulls) over known as sex,
            last_value(deceased_at_iso ignore nulls) over known as deceased_at_iso,
            last_value(deceased_flag ignore nulls) over known as deceased_flag,
            last_value(phone ignore nulls) over known as phone,
            last_value(email ignore nulls) over known as email,
            last_value(address_line ignore nulls) over known as address_line,
            last_value(city ignore nulls) over known as city,
            last_value(postal_code ignore nulls) over known as postal_code,
            last_value(replaced_by ignore nulls) over known as replaced_by,
            is_active,
            message_at,
            file_id,
            record_no
        from said
        window
            known as (
                partition by source, person_key
                order by message_at nulls first, file_id, record_no
                rows between unbounded preceding and current row
            )
    ),

    -- two quotes: the source deleted the value
    stated as (
        select
            * replace (
                nullif(national_id, '""') as national_id,
                nullif(family, '""') as family,
                nullif(given, '""') as given,
                nullif(birth_date, '""') as birth_date,
                nullif(sex, '""') as sex,
                nullif(deceased_flag, '""') as deceased_flag,
                nullif(phone, '""') as phone,
                nullif(email, '""') as email,
                nullif(address_line, '""') as address_line,
                nullif(city, '""') as city,
                nullif(postal_code, '""') as postal_code
            )
        from carried
    ),

    final as (
        select
            source as source_system,
            source_table,
            person_key as source_person_key,
            'mrn' as id_type,
            mrn,
            {{ hl7_issuer("mrn_authority") }} as mrn_system,
            national_id,
            cast(null as varchar) as other_system,
            cast(null as varchar) as other_key,
            family,
            given,
            case
                when {{ time_precision("birth_date_iso") }} in ('day', 'second')
                then try_cast(left(birth_date_iso, 10) as date)
            end as birth_date,
            birth_date as birth_date_text,
            case upper(sex) when 'M' then 'male' when 'F' then 'female' else 'unknown' end as sex,
            {{ time_start("deceased_at_iso") }} as death_at,
            case
                when upper(deceased_flag) = 'Y' or deceased_at_iso is not null
                then true
                when upper(deceased_flag) = 'N'
                then false
            end as is_deceased,
            phone,
            email,
            address_line,
            city,
            postal_code,
            replaced_by,
            is_active,
            message_at as updated_at,
            file_id,
            record_no
        from stated
    )

select *
from final

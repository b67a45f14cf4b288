-- One row per subject of a dataset: birth, death and sex are events with codes of their own.
with
    raw as (select * from {{ source("meds", "meds_event") }}),

    codes as (select source, meds_code, role from {{ ref("stg_meds__code") }}),

    events as (
        select raw.*, codes.role
        from raw
        inner join codes on codes.source = raw.source and codes.meds_code = raw.code
    ),

    subjects as (
        select
            source,
            subject_id,
            min(time) filter (where role = 'birth') as birth_at,
            min(time) filter (where role = 'death') as death_at,
            min(lower(split_part(code, '//', 2))) filter (where role = 'sex') as sex,
            min(struct_pack(file_id := file_id, record_no := record_no)) as place
        from events
        group by source, subject_id
    ),

    final as (
        select
            source as source_system,
            'meds_event' as source_table,
            cast(subject_id as varchar) as source_person_key,
            'mrn' as id_type,
            cast(null as varchar) as mrn,
            cast(null as varchar) as mrn_system,
            cast(null as varchar) as national_id,
            cast(null as varchar) as other_system,
            cast(null as varchar) as other_key,
            cast(null as varchar) as family,
            cast(null as varchar) as given,
            -- the first of January is what converters write where they know the year only
            case
                when extract(month from birth_at) > 1 or extract(day from birth_at) > 1
                then cast(birth_at as date)
            end as birth_date,
            case
                when extract(month from birth_at) = 1 and extract(day from birth_at) = 1
                then strftime(birth_at, '%Y')
                else strftime(birth_at, '%Y-%m-%d')
            end as birth_date_text,
            case
                when sex in ('m', 'male') then 'male' when sex in ('f', 'female') then 'female' else 'unknown'
            end as sex,
            death_at,
            case when death_at is not null then true end as is_deceased,
            cast(null as varchar) as phone,
            cast(null as varchar) as email,
            cast(null as varchar) as address_line,
            cast(null as varchar) as city,
            cast(null as varchar) as postal_code,
            cast(null as varchar) as replaced_by,
            cast(null as boolean) as is_active,
            cast(null as timestamp) as updated_at,
            place.file_id as file_id,
            place.record_no as record_no
        from subjects
    )

select *
from final

-- One row per source person key: what its source says of the person now (the last change wins), with
-- fields folded for comparison. Keys of which nothing else is known have nulls.
{{ config(materialized="table") }}

with
    copies as (select * from {{ ref("int_person__unioned") }} where source_person_key is not null),

    keys as (select * from {{ ref("int_identity__source_key") }}),

    stated as (
        select
            *, min(updated_at) over (partition by source_system, id_type, source_person_key) as first_known_at
        from copies
        qualify
            row_number() over (
                partition by source_system, id_type, source_person_key
                order by
                    updated_at desc nulls last,
                    md5(
                        {{
                            digest(
                                [
                                    "mrn",
                                    "national_id",
                                    "other_key",
                                    "family",
                                    "given",
                                    "birth_date",
                                    "sex",
                                    "death_at",
                                    "phone",
                                    "email",
                                    "address_line",
                                    "postal_code",
                                ]
                            )
                        }}
                    ),
                    file_id,
                    record_no
            )
            = 1
    ),

    everyone as (
        select source_system, source_person_key, id_type
        from stated
        union
        select source_system, source_person_key, id_type
        from keys
    ),

    final as (
        select
            md5(
                concat_ws('|', everyone.source_system, everyone.id_type, everyone.source_person_key)
            ) as node_id,
            everyone.source_system,
            everyone.source_person_key,
            everyone.id_type,
            stated.source_table,
            stated.mrn,
            stated.mrn_system,
            stated.national_id,
            stated.other_system,
            stated.other_key,
            stated.family,
            stated.given,
            stated.birth_date,
            -- where only the year is stated it is all we know
            coalesce(
                cast(extract(year from stated.birth_date) as integer),
                try_cast(regexp_extract(stated.birth_date_text, '^\d{4}') as integer)
            ) as birth_year,
            coalesce(stated.sex, 'unknown') as sex,
            stated.death_at,
            stated.is_deceased,
            stated.phone,
            stated.email,
            stated.address_line,
            stated.city,
            stated.postal_code,
            stated.replaced_by,
            stated.first_known_at,
            stated.updated_at,
            nullif(regexp_replace(lower(strip_accents(stated.family)), '[^a-z]', '', 'g'), '') as family_key,
            nullif(
                regexp_replace(
                    split_part(lower(strip_accents(trim(stated.given))), ' ', 1), '[^a-z]', '', 'g'
                ),
                ''
            ) as given_key,
            strftime(stated.birth_date, '%Y%m%d') as birth_key,
            nullif(right(regexp_replace(stated.phone, '[^0-9]', '', 'g'), 7), '') as phone_key,
            nullif(lower(trim(stated.email)), '') as email_key,
            nullif(
                regexp_replace(lower(strip_accents(stated.address_line)), '[^a-z0-9]', '', 'g'), ''
            ) as address_key,
            nullif(regexp_replace(lower(strip_accents(stated.city)), '[^a-z]', '', 'g'), '') as city_key,
            nullif(upper(replace(stated.postal_code, ' ', '')), '') as postal_key,
            nullif(upper(regexp_replace(stated.national_id, '[^0-9A-Za-z]', '', 'g')), '') as national_key
        from everyone
        left join
            stated
            on stated.source_system = everyone.source_system
            and stated.id_type = everyone.id_type
            and stated.source_person_key = everyone.source_person_key
    )

select *
from final

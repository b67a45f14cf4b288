-- Where a person lived, coarsely, and from when on: the first three characters of the postal codes that
-- sources
-- stated, one row per change. Hospital records count before account lists, as they do for what holds now.
with
    copies as (select * from {{ ref("int_person__unioned") }}),

    links as (select * from {{ ref("twin_person_link") }}),

    stated as (
        select
            links.person_id,
            left(upper(replace(copies.postal_code, ' ', '')), 3) as region_id,
            cast(coalesce(copies.updated_at, timestamp '1900-01-01') as date) as stated_on,
            copies.updated_at as known_from,
            case when links.id_type = 'mrn' then 1 else 0 end as is_hospital
        from copies
        inner join
            links
            on links.source_system = copies.source_system
            and links.source_person_key = copies.source_person_key
            and links.id_type = copies.id_type
        where trim(copies.postal_code) <> ''
    ),

    best as (select person_id, max(is_hospital) as is_hospital from stated group by person_id),

    -- one cell per day: the last that was stated, of two that were stated together the smaller
    days as (
        select stated.*
        from stated
        inner join best on best.person_id = stated.person_id and best.is_hospital = stated.is_hospital
        qualify
            row_number() over (
                partition by stated.person_id, stated.stated_on
                order by stated.known_from desc, stated.region_id
            )
            = 1
    ),

    followed as (
        select *, lag(region_id) over (partition by person_id order by stated_on) as region_before from days
    ),

    changes as (
        select *, row_number() over (partition by person_id order by stated_on) as change_no
        from followed
        where region_before is null or region_before <> region_id
    ),

    final as (
        select
            cast(person_id as varchar) as person_id,
            cast(region_id as varchar) as region_id,
            -- before the first statement, the first is the best guess there is
            case when change_no = 1 then date '1900-01-01' else stated_on end as valid_from,
            lead(stated_on) over (partition by person_id order by stated_on) as valid_to,
            known_from
        from changes
    )

select *
from final

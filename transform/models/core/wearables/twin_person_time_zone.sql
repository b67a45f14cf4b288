{{ config(materialized="incremental", incremental_strategy="by_day", on_schema_change="fail") }}
-- depends_on: {{ ref("int_wearable_day__touched") }}
with
    samples as (select * from {{ ref("stg_wearables__sample") }}),

    -- only where all days are new can the history be another one
    links as (
        select *
        from {{ of_new_days(ref("twin_person_link"), "new_days.from_date = date '1900-01-01'") }} as links
        where id_type = 'account'
    ),

    accounts as (select * from {{ ref("int_wearable_zone__account") }}),

    named as (
        select distinct links.person_id, samples.start_at, samples.time_zone
        from samples
        inner join
            links
            on links.source_system = samples.source_system
            and links.source_person_key = samples.source_person_key
        where samples.tz_source = 'metadata' and samples.time_zone is not null
        qualify
            row_number() over (partition by links.person_id, samples.start_at order by samples.time_zone) = 1
    ),

    changes as (
        select *, row_number() over (partition by person_id order by start_at) as change_no
        from
            (
                select
                    person_id,
                    start_at,
                    time_zone,
                    lag(time_zone) over (partition by person_id order by start_at) as zone_before
                from named
            )
        where zone_before is null or zone_before <> time_zone
    ),

    profiles as (
        select links.person_id, accounts.time_zone
        from accounts
        inner join
            links
            on links.source_system = accounts.source_system
            and links.source_person_key = accounts.source_person_key
        qualify row_number() over (partition by links.person_id order by accounts.time_zone) = 1
    ),

    final as (
        select
            cast(person_id as varchar) as person_id,
            -- before the first evidence, the first is the best guess there is
            case when change_no = 1 then timestamp '1900-01-01' else start_at end as valid_from,
            cast(time_zone as varchar) as time_zone,
            'metadata' as evidence
        from changes
        union all
        select cast(person_id as varchar), timestamp '1900-01-01', cast(time_zone as varchar), 'profile'
        from profiles
        where person_id not in (select person_id from changes)
    )

select *
from final

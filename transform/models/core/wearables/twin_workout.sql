with
    workouts as (select * from {{ ref("stg_wearables__workout") }}),

    links as (select * from {{ ref("twin_person_link") }} where id_type = 'account'),

    history as (select * from {{ ref("twin_person_time_zone") }}),

    owned as (
        select links.person_id, workouts.*
        from workouts
        inner join
            links
            on links.source_system = workouts.source_system
            and links.source_person_key = workouts.source_person_key
        qualify
            row_number() over (
                partition by
                    links.person_id,
                    workouts.source_system,
                    workouts.activity,
                    workouts.start_at,
                    workouts.end_at,
                    workouts.source_app
                order by
                    workouts.distance_m desc nulls last,
                    workouts.energy_kcal desc nulls last,
                    workouts.duration_s desc nulls last,
                    workouts.tz_source,
                    workouts.utc_offset_min
            )
            = 1
    ),

    final as (
        select
            cast(owned.person_id as varchar) as person_id,
            cast(owned.source_system as varchar) as source_system,
            cast(owned.activity as varchar) as activity,
            owned.start_at,
            owned.end_at,
            case
                when owned.tz_source = 'metadata'
                then timezone(owned.time_zone, cast(owned.start_at as timestamptz))
                when owned.tz_source = 'vendor_offset' or history.time_zone is null
                then owned.start_at + to_minutes(coalesce(owned.utc_offset_min, 0))
                else timezone(history.time_zone, cast(owned.start_at as timestamptz))
            end as local_start_at,
            owned.duration_s,
            owned.distance_m,
            owned.energy_kcal,
            cast(owned.device_name as varchar) as device_name,
            cast(owned.source_app as varchar) as source_app,
            owned.end_at as known_at
        from owned
        asof left join history on history.person_id = owned.person_id and owned.start_at >= history.valid_from
    )

select *
from final

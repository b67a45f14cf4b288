-- One row per account whose profile names a time zone: the zone that the vendor writes the account's local
-- times in.
with
    profiles as (select * from {{ ref("stg_wearables__profile") }} where time_zone is not null),

    counted as (
        select source_system, source_person_key, time_zone, count(*) as n
        from profiles
        group by source_system, source_person_key, time_zone
    ),

    final as (
        select source_system, source_person_key, time_zone
        from counted
        qualify
            row_number() over (partition by source_system, source_person_key order by n desc, time_zone) = 1
    )

select *
from final

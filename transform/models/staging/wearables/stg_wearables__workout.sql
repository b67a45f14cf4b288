with
    raw as (select * from {{ source("wearables", "wearable_workout") }}),

    final as (
        select
            source as source_system,
            {{ account_key("subject") }} as source_person_key,
            activity,
            start_at,
            end_at,
            utc_offset_min,
            time_zone,
            tz_source,
            duration_s,
            distance_m,
            energy_kcal,
            device_name,
            source_app,
            file_id,
            record_no
        from raw
    )

select *
from final

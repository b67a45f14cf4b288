with
    raw as (select * from {{ source("wearables", "wearable_sample") }}),

    final as (
        select
            source as source_system,
            {{ account_key("subject") }} as source_person_key,
            metric,
            start_at,
            end_at,
            utc_offset_min,
            time_zone,
            tz_source,
            local_text,
            value,
            value_text,
            unit,
            censor,
            coalesce(source_type, 'app') as source_type,
            device_name,
            device_model,
            source_app,
            is_user_entered,
            recorded_at,
            file_id,
            record_no
        from raw
    )

select *
from final

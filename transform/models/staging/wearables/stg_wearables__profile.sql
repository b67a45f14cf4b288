with
    raw as (select * from {{ source("wearables", "wearable_profile") }}),

    -- a zone that the database does not know would stop every conversion
    zones as (select name from pg_timezone_names()),

    final as (
        select
            raw.source as source_system,
            {{ account_key() }} as source_person_key,
            raw.birth_date,
            raw.sex,
            raw.blood_type,
            zones.name as time_zone,
            raw.display_name,
            raw.file_id,
            raw.record_no
        from raw
        left join zones on zones.name = raw.time_zone
    )

select *
from final

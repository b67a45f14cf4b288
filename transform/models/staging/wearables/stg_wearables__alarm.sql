with
    raw as (select * from {{ source("wearables", "alarm_event") }}),

    final as (
        select
            source as source_system,
            {{ account_key("subject") }} as source_person_key,
            rule,
            severity,
            began_at,
            raised_at,
            value,
            baseline,
            evidence,
            is_late,
            received_at,
            committed_at,
            file_id,
            record_no
        from raw
    )

select *
from final

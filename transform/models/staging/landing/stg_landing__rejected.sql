with
    raw as (select * from {{ source("landing", "rejected_record") }}),

    final as (
        select
            file_id,
            source as source_system,
            path,
            format,
            position as file_position,
            record_no,
            target_table,
            reason,
            detail
        from raw
    )

select *
from final

with
    raw as (select * from {{ source("landing", "landing_file") }}),

    final as (
        select
            file_id,
            source as source_system,
            account,
            path,
            format,
            bytes as size_bytes,
            landed_at,
            ingested_at,
            status,
            records_read,
            records_accepted,
            records_rejected,
            records_ignored,
            reason,
            detail
        from raw
    )

select *
from final

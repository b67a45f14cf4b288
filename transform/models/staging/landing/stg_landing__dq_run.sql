with
    raw as (select * from {{ source("lake", "dq_run") }}),

    final as (
        select
            run_at,
            rule,
            source_system,
            kahn_category,
            severity,
            table_name,
            column_name,
            must_hold,
            most_percent,
            failed,
            total
        from raw
    )

select *
from final

with
    raw as (select * from {{ source("environment", "environment_reading") }}),

    final as (
        select
            source as source_system,
            region_id,
            date as local_date,
            lower(parameter) as parameter,
            value,
            unit as unit_src,
            file_id,
            record_no
        from raw
    )

select *
from final

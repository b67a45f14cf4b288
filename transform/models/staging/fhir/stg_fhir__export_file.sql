with
    raw as (select * from {{ source("fhir", "fhir_export_file") }}),

    final as (
        select
            source as source_system,
            {{ time_start("transaction_time") }} as transaction_at,
            part,
            resource_type,
            file_name,
            {{ plain_file_name("file_name") }} as plain_name,
            expected_count,
            file_id,
            record_no
        from raw
    )

select *
from final

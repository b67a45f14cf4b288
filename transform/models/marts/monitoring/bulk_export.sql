with
    listed as (select * from {{ ref("stg_fhir__export_file") }}),

    landed as (
        select
            source_system,
            {{ plain_file_name("path") }} as plain_name,
            max(landed_at) as landed_at,
            max_by(status, ingested_at) as status,
            max_by(records_read, ingested_at) as records_read
        from {{ ref("stg_landing__file") }}
        group by source_system, {{ plain_file_name("path") }}
    ),

    final as (
        select
            listed.source_system,
            listed.file_id as manifest_file_id,
            listed.record_no,
            listed.transaction_at,
            listed.part,
            listed.resource_type,
            listed.file_name,
            listed.expected_count,
            landed.records_read,
            landed.landed_at,
            case
                when landed.plain_name is null
                then 'missing'
                when landed.status = 'rejected'
                then 'refused'
                when listed.part = 'output' and landed.records_read < listed.expected_count
                then 'short'
                when listed.part = 'output' and landed.records_read > listed.expected_count
                then 'long'
                else 'complete'
            end as status
        from listed
        left join
            landed on landed.source_system = listed.source_system and landed.plain_name = listed.plain_name
    )

select *
from final

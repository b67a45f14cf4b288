with
    files as (select * from {{ ref("stg_landing__file") }}),

    final as (
        select
            source_system,
            coalesce(format, 'not recognised') as format,
            cast(count(*) as bigint) as n_files,
            cast(sum(case when status = 'rejected' then 1 else 0 end) as bigint) as n_files_rejected,
            cast(sum(size_bytes) as bigint) as size_bytes,
            cast(sum(records_read) as bigint) as records_read,
            cast(sum(records_accepted) as bigint) as records_accepted,
            cast(sum(records_rejected) as bigint) as records_rejected,
            cast(sum(records_ignored) as bigint) as records_ignored,
            cast(
                round(sum(records_rejected) * 100.0 / nullif(sum(records_read), 0), 4) as double
            ) as rejected_percent,
            min(landed_at) as first_landed_at,
            max(landed_at) as last_landed_at,
            max(ingested_at) as last_ingested_at
        from files
        group by source_system, coalesce(format, 'not recognised')
    )

select *
from final

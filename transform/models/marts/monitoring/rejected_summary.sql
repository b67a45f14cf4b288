with
    files as (select * from {{ ref("stg_landing__file") }} where status = 'rejected'),

    -- of a file that was refused as a whole only the file counts
    records as (
        select *
        from {{ ref("stg_landing__rejected") }}
        where file_id not in (select file_id from {{ ref("stg_landing__file") }} where status = 'rejected')
    ),

    rejections as (
        select
            source_system,
            coalesce(format, 'not recognised') as format,
            'record' as what,
            reason,
            path,
            file_position
        from records
        union all
        select source_system, coalesce(format, 'not recognised'), 'file', reason, path, cast(null as varchar)
        from files
    ),

    final as (
        select
            source_system,
            format,
            what,
            coalesce(reason, 'not stated') as reason,
            cast(count(*) as bigint) as n_rejected,
            cast(count(distinct path) as bigint) as n_files,
            min(path) as example_path,
            min(file_position) as example_position
        from rejections
        group by source_system, format, what, coalesce(reason, 'not stated')
    )

select *
from final

with
    raw as (select * from {{ source("genomics", "genome_sample") }}),

    final as (
        select
            source as source_system,
            sample,
            build,
            file_format,
            ploidy_sex,
            absent_means,
            n_records,
            n_called,
            n_missing,
            n_half_call,
            n_low_quality,
            file_id,
            record_no
        from raw
    )

select *
from final

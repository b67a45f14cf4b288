-- Sample sheets come through the person records of extracts: what the laboratory says of a sample.
with
    raw as (select * from {{ source("extract", "person_record") }}),

    final as (
        select
            source as source_system,
            person_key as sample,
            assay,
            case
                when lower(findings_consent) in ('yes', 'y', 'true', '1')
                then true
                when lower(findings_consent) in ('no', 'n', 'false', '0')
                then false
            end as has_findings_consent,
            collected_date,
            recorded_at as reported_at,
            file_id,
            record_no
        from raw
        where id_type = 'sample'
    )

select *
from final

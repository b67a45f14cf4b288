-- One row per delivered copy of a mapped code. The flags of a general equivalence mapping say: approximate,
-- no map, one of a combination (CMS, GEM user guide).
with
    raw as (select * from {{ source("extract", "concept_map") }}),

    final as (
        select
            source_code_system,
            source_code,
            target_code_system,
            target_code,
            case
                when target_code is null or substr(flags, 2, 1) = '1'
                then 'unmatched'
                when substr(flags, 3, 1) = '1'
                then 'narrower'
                when substr(flags, 1, 1) = '1'
                then 'inexact'
                when flags is not null
                then 'equal'
                else coalesce(lower(equivalence), 'relatedto')
            end as equivalence,
            map_name,
            coalesce(map_version, left(file_id, 12)) as map_version,
            source as source_system,
            file_id,
            record_no
        from raw
    )

select *
from final

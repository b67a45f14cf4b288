select
    source_code_system,
    source_code,
    target_code_system,
    coalesce(target_code, '') as target_code,
    equivalence,
    is_approximate,
    map_name,
    map_version,
    is_current,
    origin,
    citation
from {{ ref("int_concept_map__unioned") }}

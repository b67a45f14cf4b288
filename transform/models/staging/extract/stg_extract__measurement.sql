select *
from {{ ref("stg_extract__measurement_lab") }}
union all
select *
from {{ ref("stg_extract__measurement_vital") }}

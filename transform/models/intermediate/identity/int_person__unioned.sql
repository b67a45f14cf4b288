select *
from {{ ref("stg_fhir__person") }}
union all
select *
from {{ ref("stg_extract__person") }}
union all
select *
from {{ ref("stg_mimic_iv__person") }}

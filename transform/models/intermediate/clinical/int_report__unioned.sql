select *
from {{ ref("stg_fhir__report") }}
union all
select *
from {{ ref("stg_omop__report") }}
union all
select *
from {{ ref("stg_meds__report") }}

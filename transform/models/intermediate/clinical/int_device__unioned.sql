select *
from {{ ref("stg_fhir__device") }}
union all
select *
from {{ ref("stg_omop__device") }}
union all
select *
from {{ ref("stg_meds__device") }}
union all
select *
from {{ ref("stg_synthea__device") }}

select *
from {{ ref("stg_fhir__immunization") }}
union all
select *
from {{ ref("stg_meds__immunization") }}
union all
select *
from {{ ref("stg_synthea__immunization") }}

select *
from {{ ref("stg_fhir__immunization") }}
union all
select *
from {{ ref("stg_meds__immunization") }}
union all
select *
from {{ ref("stg_synthea__immunization") }}
union all
select *
from {{ ref("stg_hl7v2__immunization") }}
union all
select *
from {{ ref("stg_ccda__immunization") }}

select *
from {{ ref("stg_fhir__allergy") }}
union all
select *
from {{ ref("stg_meds__allergy") }}
union all
select *
from {{ ref("stg_synthea__allergy") }}
union all
select *
from {{ ref("stg_hl7v2__allergy") }}
union all
select *
from {{ ref("stg_ccda__allergy") }}

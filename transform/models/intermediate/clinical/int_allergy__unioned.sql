select *
from {{ ref("stg_fhir__allergy") }}
union all
select *
from {{ ref("stg_meds__allergy") }}
union all
select *
from {{ ref("stg_synthea__allergy") }}

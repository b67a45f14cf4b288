select *
from {{ ref("stg_fhir__order") }}
union all
select *
from {{ ref("stg_hl7v2__order") }}

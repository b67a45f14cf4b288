select *
from {{ ref("stg_fhir__not_done") }}
union all
select *
from {{ ref("stg_hl7v2__not_done") }}
union all
select *
from {{ ref("stg_ccda__not_done") }}

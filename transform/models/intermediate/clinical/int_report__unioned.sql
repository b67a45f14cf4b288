select *
from {{ ref("stg_fhir__report") }}
union all
select *
from {{ ref("stg_omop__report") }}
union all
select *
from {{ ref("stg_meds__report") }}
union all
select *
from {{ ref("stg_hl7v2__report") }}
union all
select *
from {{ ref("stg_ccda__report") }}

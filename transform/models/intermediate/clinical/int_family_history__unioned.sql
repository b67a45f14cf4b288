select *
from {{ ref("stg_fhir__family_history") }}
union all
select *
from {{ ref("stg_meds__family_history") }}
union all
select *
from {{ ref("stg_ccda__family_history") }}

select *
from {{ ref("stg_fhir__procedure") }}
union all
select *
from {{ ref("stg_mimic_iv__procedure") }}

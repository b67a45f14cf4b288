select *
from {{ ref("stg_fhir__encounter") }}
union all
select *
from {{ ref("stg_mimic_iv__encounter") }}

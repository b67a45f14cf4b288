select *
from {{ ref("stg_fhir__measurement") }}
union all
select *
from {{ ref("stg_extract__measurement") }}
union all
select *
from {{ ref("stg_mimic_iv__measurement") }}
union all
select *
from {{ ref("stg_fhir__measurement_discharge") }}
union all
select *
from {{ ref("stg_omop__measurement") }}
union all
select *
from {{ ref("stg_meds__measurement") }}
union all
select *
from {{ ref("stg_synthea__measurement") }}
union all
select *
from {{ ref("stg_hl7v2__measurement") }}
union all
select *
from {{ ref("stg_ccda__measurement") }}

select *
from {{ ref("stg_fhir__person") }}
union all
select *
from {{ ref("stg_extract__person") }}
union all
select *
from {{ ref("stg_mimic_iv__person") }}
union all
select *
from {{ ref("stg_omop__person") }}
union all
select *
from {{ ref("stg_meds__person") }}
union all
select *
from {{ ref("stg_synthea__person") }}
union all
select *
from {{ ref("stg_hl7v2__person") }}
union all
select *
from {{ ref("stg_ccda__person") }}

select *
from {{ ref("stg_fhir__condition") }}
union all
select *
from {{ ref("stg_mimic_iv__condition") }}
union all
select *
from {{ ref("stg_omop__condition") }}
union all
select *
from {{ ref("stg_meds__condition") }}
union all
select *
from {{ ref("stg_synthea__condition") }}
union all
select *
from {{ ref("stg_hl7v2__condition") }}
union all
select *
from {{ ref("stg_ccda__condition") }}

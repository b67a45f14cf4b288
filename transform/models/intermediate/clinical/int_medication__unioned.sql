select *
from {{ ref("stg_fhir__medication") }}
union all
select *
from {{ ref("stg_mimic_iv__medication") }}
union all
select *
from {{ ref("stg_omop__medication") }}
union all
select *
from {{ ref("stg_meds__medication") }}
union all
select *
from {{ ref("stg_synthea__medication") }}
union all
select *
from {{ ref("stg_hl7v2__medication") }}
union all
select *
from {{ ref("stg_ccda__medication") }}

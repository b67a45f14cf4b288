select *
from {{ ref("stg_fhir__encounter") }}
union all
select *
from {{ ref("stg_mimic_iv__encounter") }}
union all
select *
from {{ ref("stg_omop__encounter") }}
union all
select *
from {{ ref("stg_meds__encounter") }}
union all
select *
from {{ ref("stg_synthea__encounter") }}
union all
select *
from {{ ref("stg_hl7v2__encounter") }}
union all
select *
from {{ ref("stg_ccda__encounter") }}

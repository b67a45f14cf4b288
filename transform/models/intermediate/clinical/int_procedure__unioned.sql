select *
from {{ ref("stg_fhir__procedure") }}
union all
select *
from {{ ref("stg_mimic_iv__procedure") }}
union all
select *
from {{ ref("stg_omop__procedure") }}
union all
select *
from {{ ref("stg_meds__procedure") }}
union all
select *
from {{ ref("stg_synthea__procedure") }}
union all
select *
from {{ ref("stg_hl7v2__procedure") }}
union all
select *
from {{ ref("stg_ccda__procedure") }}

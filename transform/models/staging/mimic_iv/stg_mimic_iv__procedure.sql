select *
from {{ ref("stg_mimic_iv__procedure_icd") }}
union all
select *
from {{ ref("stg_mimic_iv__procedure_hcpcs") }}
union all
select *
from {{ ref("stg_mimic_iv__procedure_icu") }}

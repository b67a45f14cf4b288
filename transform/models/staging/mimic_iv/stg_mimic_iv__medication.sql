select *
from {{ ref("stg_mimic_iv__medication_prescription") }}
union all
select *
from {{ ref("stg_mimic_iv__medication_input") }}

select *
from {{ ref("stg_mimic_iv__encounter_admission") }}
union all
select *
from {{ ref("stg_mimic_iv__encounter_icu") }}

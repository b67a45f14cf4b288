select *
from {{ ref("stg_mimic_iv__measurement_lab") }}
union all
select *
from {{ ref("stg_mimic_iv__measurement_chart") }}
union all
select *
from {{ ref("stg_mimic_iv__measurement_omr") }}
union all
select *
from {{ ref("stg_mimic_iv__measurement_micro") }}

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
union all
select *
from {{ ref("stg_mimic_iv__measurement_output") }}
union all
select *
from {{ ref("stg_mimic_iv__measurement_input_rate") }}
union all
select *
from {{ ref("stg_mimic_iv__measurement_age") }}
union all
select *
from {{ ref("stg_mimic_iv__measurement_admission") }}

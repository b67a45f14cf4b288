-- One row per row of MEASUREMENT or OBSERVATION and coding.
select *
from {{ ref("stg_omop__measurement_lab") }}
union all
select *
from {{ ref("stg_omop__measurement_observation") }}

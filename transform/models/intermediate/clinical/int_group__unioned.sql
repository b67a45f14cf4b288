select * from {{ ref("stg_mimic_iv__group") }}

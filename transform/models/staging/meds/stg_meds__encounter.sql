-- One row per MEDS event of this domain and coding.
select * exclude (domain) from {{ ref("stg_meds__event") }} where domain = 'encounter'

select * from {{ ref("stg_fhir__not_done") }}

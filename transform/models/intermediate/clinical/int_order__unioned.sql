select * from {{ ref("stg_fhir__order") }}

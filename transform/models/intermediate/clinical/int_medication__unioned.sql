select * from {{ ref("stg_fhir__medication") }}

select * from {{ ref("stg_fhir__family_history") }}

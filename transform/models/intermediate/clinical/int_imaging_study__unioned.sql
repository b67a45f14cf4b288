select * from {{ ref("stg_fhir__imaging_study") }}

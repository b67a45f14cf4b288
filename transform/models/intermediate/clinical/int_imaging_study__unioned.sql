select *
from {{ ref("stg_fhir__imaging_study") }}
union all
select *
from {{ ref("stg_meds__imaging_study") }}
union all
select *
from {{ ref("stg_synthea__imaging_study") }}
union all
select *
from {{ ref("stg_dicom__imaging_study") }}

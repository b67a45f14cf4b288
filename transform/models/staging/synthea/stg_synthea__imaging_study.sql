-- One row per delivered copy of an instance of an imaging study.
select
    {{
        staged_record(
            {
                "source_table": "'synthea_imaging_studies'",
                "source_id": "id",
                "source_person_key": "patient",
                "encounter_key": "encounter",
                "code": "bodysite_code",
                "display": "bodysite_description",
                "component": "instance_uid",
                "code_system": "'http://snomed.info/sct'",
                "category": "modality_code",
                "value_text": "modality_description",
            },
            event="date",
        )
    }}
from {{ source("synthea", "synthea_imaging_studies") }}

-- One row per delivered copy of a prescription.
select
    {{
        staged_record(
            {
                "source_table": "'synthea_medications'",
                "source_id": "concat_ws('|', patient, encounter, code, start)",
                "source_person_key": "patient",
                "encounter_key": "encounter",
                "code": "code",
                "display": "description",
                "code_system": "'http://www.nlm.nih.gov/research/umls/rxnorm'",
                "category": "'order'",
                "status": "case when stop is null then 'active' else 'stopped' end",
                "value_code_system": "case when reasoncode is not null then 'http://snomed.info/sct' end",
                "value_code": "reasoncode",
            },
            event="start",
            end="stop",
        )
    }}
from {{ source("synthea", "synthea_medications") }}

-- One row per delivered copy of an allergy or intolerance.
select
    {{
        staged_record(
            {
                "source_table": "'synthea_allergies'",
                "source_id": "concat_ws('|', patient, encounter, code, start)",
                "source_person_key": "patient",
                "encounter_key": "encounter",
                "code": "code",
                "display": "description",
                "code_system": "case lower(system) when 'rxnorm' then 'rxnorm' when 'snomed-ct' then 'snomed' else system end",
                "category": "category",
                "status": "case when stop is null then 'active' else 'inactive' end",
                "value_text": "severity1",
            },
            event="start",
            end="stop",
        )
    }}
from {{ source("synthea", "synthea_allergies") }}

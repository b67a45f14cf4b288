-- One row per allergy segment (AL1, IAM) and coding.
select
    {{
        hl7v2_record(
            {
                "source_table": "'hl7v2_allergy'",
                "source_id": "coalesce(patient_id || '|' || allergy_key, concat_ws('|', patient_id, coalesce(code, code_text, alternate_code)))",
                "encounter_key": none,
                "category": "lower(allergen_type)",
                "status": "lower(clinical_status)",
                "is_retracted": "coalesce(upper(action_code) = 'D', false)",
                "value_text": "severity",
                "value_code": "reaction",
            },
            event="onset_at_iso",
            text="onset_at",
            recorded="recorded_at_iso",
        )
    }}
from {{ hl7v2_coded(source("hl7v2", "hl7v2_allergy")) }}

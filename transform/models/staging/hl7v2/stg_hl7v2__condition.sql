-- One row per diagnosis (DG1) or problem (PRB) segment and coding.
select
    {{
        hl7v2_record(
            {
                "source_table": "'hl7v2_condition'",
                "source_id": "coalesce(patient_id || '|' || diagnosis_key, concat_ws('|', patient_id, visit_key, segment_name, coalesce(code, code_text, description)))",
                "code_system": "coalesce(coding_system, coding_method)",
                "category": "lower(coalesce(diagnosis_type, segment_name))",
                "status": "lower(coalesce(life_cycle, confirmation))",
                "is_retracted": "coalesce(upper(action_code) in ('D', 'DE'), false)",
                "is_revision": "coalesce(upper(action_code) = 'CO', false)",
            },
            event="onset_at_iso",
            text="onset_at",
            end="resolved_at_iso",
            recorded="recorded_at_iso",
        )
    }}
from {{ hl7v2_coded(source("hl7v2", "hl7v2_condition"), "coalesce(code_text, description, alternate_text)") }}

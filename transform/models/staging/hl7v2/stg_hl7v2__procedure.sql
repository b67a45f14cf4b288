-- One row per procedure segment (PR1) and coding.
select
    {{
        hl7v2_record(
            {
                "source_table": "'hl7v2_procedure'",
                "source_id": "coalesce(patient_id || '|' || procedure_key, concat_ws('|', patient_id, visit_key, coalesce(code, code_text, description), performed_at))",
                "code_system": "coalesce(coding_system, coding_method)",
                "is_retracted": "coalesce(upper(action_code) = 'D', false)",
            },
            event="performed_at_iso",
            text="performed_at",
        )
    }}
from {{ hl7v2_coded(source("hl7v2", "hl7v2_procedure"), "coalesce(code_text, description, alternate_text)") }}

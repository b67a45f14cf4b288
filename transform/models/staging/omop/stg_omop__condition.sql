-- One row per row of CONDITION_OCCURRENCE and coding.
{{
    omop_record(
        "omop_condition_occurrence",
        "condition",
        "condition_start_date",
        "condition_end_date",
        {"id": "condition_occurrence_id", "status": "lower(coded.condition_status_source_value)"},
    )
}}

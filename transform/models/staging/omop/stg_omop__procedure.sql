-- One row per row of PROCEDURE_OCCURRENCE and coding. CDM 5.3 has no end: the file then lacks the column.
{{
    omop_record(
        "omop_procedure_occurrence",
        "procedure",
        "procedure_date",
        "procedure_end_date",
        {"id": "procedure_occurrence_id"},
    )
}}

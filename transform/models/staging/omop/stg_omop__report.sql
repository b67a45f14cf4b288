-- One row per row of NOTE, coded by its class.
{{
    omop_record(
        "omop_note",
        "note",
        "note_date",
        values={
            "standard": "note_class_concept_id",
            "source_concept": "note_class_concept_id",
            "source_value": "note_source_value",
            "value_text": "coded.note_text",
            "status": "'final'",
        },
    )
}}

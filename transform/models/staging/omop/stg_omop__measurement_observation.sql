-- One row per row of OBSERVATION and coding: answers, history, social facts.
{{
    omop_record(
        "omop_observation",
        "observation",
        "observation_date",
        values={
            "category": "'observation'",
            "value_num": "coded.value_as_number",
            "value_text": "coalesce(coded.value_as_string, answers.concept_name, case when coded.value_as_number is null then coded.value_source_value end)",
            "value_code_system": "answers.vocabulary_id",
            "value_code": "answers.concept_code",
            "unit_src": "coalesce(units.concept_code, coded.unit_source_value)",
            "joins": omop_value_joins(),
        },
    )
}}

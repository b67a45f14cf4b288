-- One row per row of MEASUREMENT and coding. The unit is the UCUM code of its concept, else the text of the
-- source.
{{
    omop_record(
        "omop_measurement",
        "measurement",
        "measurement_date",
        values={
            "value_num": "coded.value_as_number",
            "comparator": "case coded.operator_concept_id when 4171756 then '<' when 4171754 then '<=' when 4171755 then '>=' when 4172704 then '>' end",
            "value_text": "case when coded.value_as_number is null then coalesce(answers.concept_name, coded.value_source_value) end",
            "value_code_system": "answers.vocabulary_id",
            "value_code": "answers.concept_code",
            "unit_src": "coalesce(units.concept_code, coded.unit_source_value)",
            "ref_low": "coded.range_low",
            "ref_high": "coded.range_high",
            "joins": omop_value_joins(),
        },
    )
}}

-- One row per row of VISIT_OCCURRENCE and coding. The class follows HL7 v3 ActCode; concepts after Athena,
-- domain Visit.
{{
    omop_record(
        "omop_visit_occurrence",
        "visit",
        "visit_start_date",
        "visit_end_date",
        {
            "id": "visit_occurrence_id",
            "category": "case coded.visit_concept_id when 9201 then 'IMP' when 262 then 'IMP' when 32037 then 'IMP' when 9202 then 'AMB' when 9203 then 'EMER' when 581385 then 'OBSENC' when 581476 then 'HH' when 5083 then 'VR' end",
            "status": "'finished'",
        },
    )
}}

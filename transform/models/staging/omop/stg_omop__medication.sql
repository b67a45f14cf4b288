-- One row per row of DRUG_EXPOSURE and coding. A quantity is no dose: the text of the prescription is kept.
{{
    omop_record(
        "omop_drug_exposure",
        "drug",
        "drug_exposure_start_date",
        "drug_exposure_end_date",
        {"id": "drug_exposure_id", "value_text": "coded.sig"},
    )
}}

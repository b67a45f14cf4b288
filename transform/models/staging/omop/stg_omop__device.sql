-- One row per row of DEVICE_EXPOSURE and coding.
{{
    omop_record(
        "omop_device_exposure",
        "device",
        "device_exposure_start_date",
        "device_exposure_end_date",
        {"id": "device_exposure_id", "value_text": "coded.unique_device_id"},
    )
}}

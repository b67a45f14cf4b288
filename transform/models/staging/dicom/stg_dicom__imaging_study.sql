-- One row per delivered instance (image) of a series. A fact is a series: what the instances of one say of
-- it is the same, so that they count as copies, however many of them have landed.
select
    {{
        staged_record(
            {
                "source_table": "'dicom_instance'",
                "source_id": "study_id",
                "component": "series_id",
                "source_person_key": "patient_id",
                "code_system": "case when upper(body_region_system) in ('SCT', 'SRT-SCT') then 'http://snomed.info/sct' else body_region_system end",
                "code": "body_region_code",
                "display": "coalesce(body_region_display, body_part)",
                "category": "modality",
                "value_text": "nullif(concat_ws(': ', study_description, series_description), '')",
                "event_text": "coalesce(nullif(concat_ws(' ', series_date, series_time), ''), nullif(concat_ws(' ', study_date, study_time), ''))",
                "event_at": time_start("coalesce(series_started_iso, study_started_iso)"),
                "event_precision": time_precision("coalesce(series_started_iso, study_started_iso)"),
            }
        )
    }}
from {{ source("dicom", "dicom_instance") }}

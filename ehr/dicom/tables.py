"""The raw table of DICOM headers. Values are text as written; ``*_iso`` columns are the same times in ISO form."""

from __future__ import annotations

import pyarrow as pa

from lake.tables import Table

INSTANCE_COLUMNS: dict[str, str] = {
    "study_id": "StudyInstanceUID",
    "series_id": "SeriesInstanceUID",
    "instance_id": "SOPInstanceUID",
    "instance_class": "SOPClassUID",
    "mrn": "PatientID",
    "mrn_issuer": "IssuerOfPatientID",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
    "is_deidentified": "PatientIdentityRemoved",
    "accession_number": "AccessionNumber",
    "modality": "Modality",
    "body_part": "BodyPartExamined",
    "laterality": "Laterality",
    "study_description": "StudyDescription",
    "series_description": "SeriesDescription",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "series_date": "SeriesDate",
    "series_time": "SeriesTime",
    "acquisition_date": "AcquisitionDate",
    "acquisition_time": "AcquisitionTime",
    "utc_offset": "TimezoneOffsetFromUTC",
    "series_number": "SeriesNumber",
    "instance_number": "InstanceNumber",
    "frames": "NumberOfFrames",
    "manufacturer": "Manufacturer",
    "device_model": "ManufacturerModelName",
    "device_serial": "DeviceSerialNumber",
    "institution": "InstitutionName",
}
"""Column → DICOM keyword (PS3.6) of a plain attribute."""

CODED_COLUMNS = {"body_region": "AnatomicRegionSequence", "procedure": "ProcedureCodeSequence"}
"""Prefix of the columns ``_system``, ``_code``, ``_display`` → keyword of a sequence of codes (PS3.3, 8.8)."""

TIMES = {
    "study": ("study_date", "study_time"),
    "series": ("series_date", "series_time"),
    "acquisition": ("acquisition_date", "acquisition_time"),
}

INSTANCE = Table(
    "dicom_instance",
    "One row per DICOM instance (image, report, plan): what its header says of patient, study and series.",
    pa.schema(
        {
            "record_no": pa.int64(),
            "patient_id": pa.string(),
            "family": pa.string(),
            "given": pa.string(),
            **dict.fromkeys(INSTANCE_COLUMNS, pa.string()),
            **{f"{prefix}_{part}": pa.string() for prefix in CODED_COLUMNS for part in ("system", "code", "display")},
            "birth_date_iso": pa.string(),
            **{f"{prefix}_started_iso": pa.string() for prefix in TIMES},
        }
    ),
)

TABLES: tuple[Table, ...] = (INSTANCE,)

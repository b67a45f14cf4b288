"""DICOM files made with pydicom, an implementation that is not ours."""

from __future__ import annotations

from io import BytesIO
from typing import Any

STUDY, SERIES, INSTANCE = "1.2.826.0.1.1", "1.2.826.0.1.1.2", "1.2.826.0.1.1.2.3"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT, DEFLATED, BIG = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
)
STATED: dict[str, Any] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "StudyInstanceUID": STUDY,
    "SeriesInstanceUID": SERIES,
    "SOPInstanceUID": INSTANCE,
    "SOPClassUID": CT,
    "PatientID": "100",
    "IssuerOfPatientID": "STA",
    "PatientName": "Müller^Jürgen^^Dr",
    "PatientBirthDate": "19540305",
    "PatientSex": "M",
    "StudyDate": "20240305",
    "StudyTime": "101530.25",
    "SeriesDate": "20240305",
    "SeriesTime": "1020",
    "TimezoneOffsetFromUTC": "+0100",
    "Modality": "CT",
    "BodyPartExamined": "CHEST",
    "StudyDescription": "CT thorax",
    "SeriesDescription": "lung window",
    "SeriesNumber": "2",
    "InstanceNumber": "3",
    "AccessionNumber": "A-1",
}


def image(syntax: str = EXPLICIT, pixels: int = 512, **given: Any) -> bytes:
    """One instance. An attribute given as ``None`` is left out."""
    from pydicom.dataset import Dataset, FileMetaDataset

    dataset = Dataset()
    for keyword, value in (STATED | given).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.Rows, dataset.Columns, dataset.BitsAllocated, dataset.SamplesPerPixel = 16, 16, 16, 1
    dataset.PixelData = b"\0" * pixels
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPInstanceUID = INSTANCE  # pydicom puts the data set's own here if it has one
    dataset.file_meta.TransferSyntaxUID = syntax
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def coded(code: str, system: str, meaning: str) -> Any:
    """A sequence of one code."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, system, meaning
    return Sequence([item])

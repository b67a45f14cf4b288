"""One DICOM header (PS3.10): read up to the last attribute that is asked for, in bounded memory, never into pixels."""

from __future__ import annotations

import io
import logging
import re
import struct
import warnings
import zlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

from ehr.dicom.tables import CODED_COLUMNS, INSTANCE_COLUMNS, TIMES
from ehr.hl7_times import iso
from lake.quarantine import BadFile

if TYPE_CHECKING:
    from pydicom import Dataset

PREAMBLE = 128
MAGIC = b"DICM"
DEFLATED = b"1.2.840.10008.1.2.1.99"
MAX_HEADER_BYTES = 32 << 20
"""Attributes before the pixels take kilobytes; a private block of megabytes is passed over unread."""
LAST_TAG = 0x00280008
"""NumberOfFrames: attributes stand in ascending order, and nothing after this one is asked for."""
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_DIRECTORY = "1.2.840.10008.1.3.10"


class BadHeader(Exception):
    """The header of one file cannot be used. ``reason`` and ``detail`` hold no value of a person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class IsDirectory(Exception):
    """A DICOMDIR: an index of other files, which are read themselves."""


def read(path: Path) -> dict[str, str | None]:
    """The columns of ``dicom_instance`` from one file.

    Raises:
        BadFile: pydicom is not installed.
        BadHeader: cut off, too long, not DICOM inside, or without the identifiers of study, series and instance.
        IsDirectory: the file is a DICOMDIR.
    """
    library = _pydicom()
    try:
        with path.open("rb") as file:
            dataset = _dataset(library, file, path.stat().st_size)
        return _columns(dataset)
    except (BadHeader, IsDirectory):
        raise
    except RecursionError:
        raise BadHeader("nested_too_deep", "sequences within sequences, deeper than any image has them") from None
    except Exception as error:  # pydicom raises whatever its parts raise; its messages may quote values
        detail = f"pydicom cannot read the attributes ({type(error).__name__}); export the file again"
        raise BadHeader("invalid_header", detail) from None


@cache
def _pydicom() -> ModuleType:
    """Import pydicom, silenced: its warnings quote values of people.

    Raises:
        BadFile: it is not installed.
    """
    try:
        import pydicom
    except ImportError:
        raise BadFile(
            "missing_extra",
            "DICOM is read with pydicom: install human-twin[dicom], then `twin build --retry-refused`",
        ) from None
    warnings.filterwarnings("ignore", module="pydicom")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    return pydicom


class _Bounded:
    """A file of which at most so many bytes are read, and whose end is noticed wherever it comes."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size, self.left = file, size, MAX_HEADER_BYTES

    def read(self, count: int = -1) -> bytes:
        count = self.size if count < 0 else count
        found = self.file.read(min(count, self.left + 1))
        self.left -= len(found)
        if self.left < 0:
            detail = f"more than {MAX_HEADER_BYTES:,} bytes of attributes before the pixels"
            raise BadHeader("header_too_long", detail)
        if 0 < len(found) < count:
            raise BadHeader("truncated", "the file ends within an attribute; deliver it again")
        return found

    def seek(self, offset: int, whence: int = 0) -> int:
        place = self.file.seek(offset, whence)
        if place > self.size:
            raise BadHeader("truncated", "the file ends within an attribute; deliver it again")
        return place

    def tell(self) -> int:
        return self.file.tell()


def _dataset(library: ModuleType, file: BinaryIO, size: int) -> Dataset:
    wanted = [*INSTANCE_COLUMNS.values(), *CODED_COLUMNS.values(), "PatientName"]
    head = file.read(64 << 10)
    if _transfer_syntax(head) == DEFLATED:
        start = PREAMBLE + len(MAGIC) + 12 + _meta_length(head)
        file.seek(start)
        plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(MAX_HEADER_BYTES), MAX_HEADER_BYTES)
        inside = _Bounded(io.BytesIO(plain), len(plain))
        found: Dataset = library.filereader.read_dataset(
            inside, is_implicit_VR=False, is_little_endian=True, stop_when=_is_past, specific_tags=_tags(wanted)
        )
        return found
    file.seek(0)
    partial: Dataset = library.filereader.read_partial(
        _Bounded(file, size), stop_when=_is_past, specific_tags=_tags(wanted)
    )
    if partial.file_meta.get("MediaStorageSOPClassUID") == _DIRECTORY:
        raise IsDirectory
    return partial


def _is_past(tag: int, vr: str | None, length: int) -> bool:
    return tag > LAST_TAG


def _tags(keywords: list[str]) -> list[Any]:
    from pydicom.tag import Tag

    return [Tag(one) for one in keywords]


def _transfer_syntax(head: bytes) -> bytes:
    """(0002,0010) of the file's meta information, which is always explicit and little-endian (PS3.10, 7.1)."""
    at = head.find(b"\x02\x00\x10\x00UI", PREAMBLE)
    if at < 0 or len(head) < at + 8:
        return b""
    (length,) = struct.unpack_from("<H", head, at + 6)
    return head[at + 8 : at + 8 + length].rstrip(b"\0 ")


def _meta_length(head: bytes) -> int:
    start = PREAMBLE + len(MAGIC)
    if head[start : start + 8] != b"\x02\x00\x00\x00UL\x04\x00":
        raise BadHeader("invalid_header", "the file meta information does not begin with its length")
    (length,) = struct.unpack_from("<I", head, start + 8)
    return int(length)


def _columns(dataset: Dataset) -> dict[str, str | None]:
    found = {column: _text(dataset, keyword) for column, keyword in INSTANCE_COLUMNS.items()}
    for column in ("study_id", "series_id", "instance_id"):
        value = found[column]
        if value is None:
            raise BadHeader(
                "missing_identifier", f"no {INSTANCE_COLUMNS[column]}, which every DICOM instance must have"
            )
        if len(value) > 64 or not _UID.fullmatch(value):
            raise BadHeader(
                "invalid_identifier", f"{INSTANCE_COLUMNS[column]} is no UID (digits and points, at most 64)"
            )
    name = dataset.get("PatientName")
    issuer = found["mrn_issuer"]
    found |= {
        "patient_id": found["mrn"] and found["mrn"] + (f"^^^{issuer}" if issuer else ""),
        "family": (name and (name.family_name or None)) or None,
        "given": (name and (name.given_name or None)) or None,
        "birth_date_iso": iso(_date(found["birth_date"]), None),
    }
    for prefix, (date, time) in TIMES.items():
        found[f"{prefix}_started_iso"] = _started(found[date], found[time], found["utc_offset"])
    for prefix, keyword in CODED_COLUMNS.items():
        items = dataset.get(keyword) or [None]
        parts = {"system": "CodingSchemeDesignator", "code": "CodeValue", "display": "CodeMeaning"}
        for part, name_of in parts.items():
            found[f"{prefix}_{part}"] = _text(items[0], name_of) if items[0] is not None else None
    return found


def _text(dataset: Dataset, keyword: str) -> str | None:
    try:
        value = dataset.get(keyword)
    except (ValueError, TypeError, OverflowError):  # a number that is none: as written
        value = dataset.get_item(keyword).value
        value = value.decode("latin-1") if isinstance(value, bytes) else value
    if value is None:
        return None
    parts = [value] if isinstance(value, str | int | float) else list(value)
    return "\\".join(str(one) for one in parts).strip(" \0") or None


def _date(text: str | None) -> str | None:
    """``1990.05.03`` was allowed before DICOM 3 (PS3.5, 6.2)."""
    return text and text.replace(".", "")


def _started(date: str | None, time: str | None, offset: str | None) -> str | None:
    """Date and time (PS3.5: DA, TM) with the offset from UTC, in ISO form; the date alone where no time is given."""
    if date is None:
        return None
    clock = (time or "").replace(":", "")
    return (iso(f"{_date(date)}{clock}{offset or ''}", None) if clock else None) or iso(_date(date), None)

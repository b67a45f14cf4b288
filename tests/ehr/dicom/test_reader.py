"""DICOM headers: what is staged, what is refused with which reason; never pixels, never more than is asked for."""

from __future__ import annotations

import gzip
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from ehr.dicom import header
from ehr.readers import READERS
from lake import landing
from lake.contracts import load
from lake.ingest import ingest
from lake.manifest import Entry
from lake.settings import PROJECT_DIR, Settings
from tests.ehr.dicom.images import BIG, DEFLATED, EXPLICIT, IMPLICIT, SERIES, STATED, STUDY, coded, image

pydicom = pytest.importorskip("pydicom", reason="the extra dicom is not installed")


def land(settings: Settings, files: dict[str, bytes]) -> dict[str, Entry]:
    for name, content in files.items():
        path = settings.landing / "radiology" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    entries = ingest(settings, READERS, {}, landing.pending(settings))
    return {entry.path.removeprefix("radiology/"): entry for entry in entries}


def row(settings: Settings, entry: Entry) -> dict[str, Any]:
    (found,) = pq.read_table(settings.raw / "dicom_instance" / f"{entry.file_id}.parquet").to_pylist()
    return found


def quarantine(settings: Settings, entry: Entry) -> tuple[str, str]:
    (found,) = pq.read_table(settings.quarantine / f"{entry.file_id}.parquet").to_pylist()
    return found["reason"], found["detail"]


def test_every_transfer_syntax_gives_the_same_row(settings: Settings) -> None:
    files = {f"{name}.dcm": image(syntax) for name, syntax in
             {"explicit": EXPLICIT, "implicit": IMPLICIT, "deflated": DEFLATED, "big endian": BIG}.items()}  # fmt: skip
    files["packed.dcm.gz"] = gzip.compress(image(InstanceNumber="4"))
    files["no name at all"] = image(InstanceNumber="5")
    entries = land(settings, files)
    assert {entry.format for entry in entries.values()} == {"dicom"}
    rows = {name: row(settings, entry) for name, entry in entries.items()}
    for name, found in rows.items():
        assert (entries[name].records_read, entries[name].records_accepted) == (1, 1)
        for column, keyword in (("study_id", "StudyInstanceUID"), ("mrn", "PatientID"), ("modality", "Modality")):
            assert found[column] == STATED[keyword], name
        assert (found["patient_id"], found["family"], found["given"]) == ("100^^^STA", "Müller", "Jürgen")
        assert (found["body_part"], found["series_description"]) == ("CHEST", "lung window")
        assert found["birth_date_iso"] == "1954-03-05"
        # PS3.5, 6.2: DA and TM; PS3.3, C.12.1: Timezone Offset From UTC
        assert found["study_started_iso"] == "2024-03-05T10:15:30.25+0100"
        assert found["series_started_iso"] == "2024-03-05T10:20:00+0100"
        assert found["acquisition_started_iso"] is None
    assert rows["packed.dcm.gz"]["instance_number"] == "4"


def test_codes_of_region_and_procedure_are_kept(settings: Settings) -> None:
    content = image(
        AnatomicRegionSequence=coded("51185008", "SCT", "Chest"),
        ProcedureCodeSequence=coded("24627-2", "LN", "CT Chest"),
        SeriesNumber=None,
        StudyTime=None,
        StudyDate="2024.03.05",
    )
    found = row(settings, land(settings, {"a.dcm": content})["a.dcm"])
    assert [found[f"body_region_{part}"] for part in ("system", "code", "display")] == ["SCT", "51185008", "Chest"]
    assert [found[f"procedure_{part}"] for part in ("system", "code", "display")] == ["LN", "24627-2", "CT Chest"]
    assert (found["series_number"], found["study_started_iso"]) == (None, "2024-03-05")


def _long_private_block() -> bytes:
    """A private attribute of undefined length, which cannot be skipped, before what is asked for."""
    content = image(EXPLICIT)
    at = content.index(b"\x10\x00\x10\x00PN")
    item = b"\xfe\xff\x00\xe0" + (900).to_bytes(4, "little") + b"\x09\x00\x10\x00OB\0\0" + (888).to_bytes(4, "little")
    sequence = b"\x09\x00\x01\x10SQ\0\0\xff\xff\xff\xff" + (item + b"z" * 888) * 40 + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return content[:at] + sequence + content[at:]


BAD = {
    "no study": (lambda: image(StudyInstanceUID=None), "missing_identifier"),
    "no instance": (lambda: image(SOPInstanceUID=None), "missing_identifier"),
    "an identifier that is none": (lambda: image(SeriesInstanceUID="Doe^Jane"), "invalid_identifier"),
    "cut off in the header": (lambda: image()[:500], "truncated"),
    "cut off in a deflated header": (lambda: image(DEFLATED)[:420], "truncated"),
    "cut off before the data set": (lambda: image()[:200], ("truncated", "invalid_header", "missing_identifier")),
    "noise after the magic": (lambda: b"\0" * 128 + b"DICM" + bytes(range(256)) * 4, None),
    "a header without end": (_long_private_block, "header_too_long"),
}  # fmt: skip


def test_a_bad_header_is_one_rejected_record_with_its_reason(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header, "MAX_HEADER_BYTES", 20_000)
    cases = {name: (make(), wanted) for name, (make, wanted) in BAD.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        entries = land(settings, {f"{name}.dcm": content for name, (content, _) in cases.items()} | {"ok": image()})
    assert entries["ok"].records_accepted == 1
    for name, (_, wanted) in cases.items():
        entry = entries[f"{name}.dcm"]
        assert (entry.status, entry.records_read, entry.records_rejected) == ("ingested", 1, 1), name
        reason, detail = quarantine(settings, entry)
        assert wanted is None or reason in (wanted if isinstance(wanted, tuple) else (wanted,)), (name, reason)
        assert detail
        assert "Doe" not in detail


def test_reading_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels of 8 MB, plain and deflated to kilobytes, where 20 KB may be read: only the header is."""
    monkeypatch.setattr(header, "MAX_HEADER_BYTES", 20_000)
    for syntax in (EXPLICIT, DEFLATED):
        path = tmp_path / syntax
        path.write_bytes(image(syntax, pixels=8 << 20))
        assert header.read(path)["study_id"] == STUDY


def test_pixels_may_be_missing_or_cut_off(settings: Settings) -> None:
    assert land(settings, {"a.dcm": image()[:-300]})["a.dcm"].records_accepted == 1


def test_an_index_of_files_is_ignored_by_rule(settings: Settings) -> None:
    (entry,) = land(settings, {"DICOMDIR": image(SOPClassUID="1.2.840.10008.1.3.10")}).values()
    assert (entry.records_read, entry.records_accepted, entry.balanced) == (1, 0, True)
    assert "DICOMDIR" in next(iter(entry.records_ignored))


def test_an_instance_of_nobody_breaks_the_contract(settings: Settings) -> None:
    (expectation,) = load([PROJECT_DIR / "ehr" / "dicom" / "contracts.yaml"])["dicom_instance"]
    assert (expectation.expect, expectation.severity) == ("column_values_to_not_be_null", "warning")
    (entry,) = land(settings, {"a.dcm": image(PatientID=None)}).values()
    assert row(settings, entry)[expectation.column] is None


def test_without_pydicom_the_remedy_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    content = image()
    header._pydicom.cache_clear()
    monkeypatch.setitem(sys.modules, "pydicom", None)
    (entry,) = land(settings, {"a.dcm": content}).values()
    header._pydicom.cache_clear()
    assert (entry.status, entry.reason) == ("rejected", "missing_extra")
    assert "human-twin[dicom]" in (entry.detail or "")


def test_files_of_others_are_read(tmp_path: Path) -> None:
    """Files that come with pydicom: as many as it reads itself with all of their three identifiers are read here."""
    from pydicom.data import get_testdata_file

    read = 0
    for name in ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "image_dfl.dcm", "test-SR.dcm", "JPEG-lossy.dcm"):
        path = get_testdata_file(name, download=False)
        if path is None:
            continue
        theirs = pydicom.dcmread(path, stop_before_pixels=True)
        ours = header.read(Path(path))
        for column, keyword in (("study_id", "StudyInstanceUID"), ("modality", "Modality"), ("mrn", "PatientID")):
            assert ours[column] == (str(theirs.get(keyword, "")) or None), (name, column)
        read += 1
    assert read >= 3


def test_the_command_lists_series_and_no_patient(tmp_path: Path) -> None:
    from orchestration.cli import app

    for number in (1, 2):
        (tmp_path / f"{number}.dcm").write_bytes(image(InstanceNumber=str(number)))
    outcome = CliRunner().invoke(app, ["dicom", "read", str(tmp_path), "--json"])
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout)
    assert [(one["series_id"], one["instances"], one["body_part"]) for one in found["series"]] == [(SERIES, 2, "CHEST")]
    assert "ller" not in outcome.stdout
    (tmp_path / "bad.dcm").write_bytes(image()[:300])
    outcome = CliRunner().invoke(app, ["dicom", "read", str(tmp_path)])
    assert outcome.exit_code == 1
    assert "bad.dcm" in outcome.stdout

"""Every format of the room that comes packed or in one piece: what is too large is refused, in bounded memory."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import ehr.ccda.xml
import ehr.hl7v2.lines
from ehr.readers import READERS
from lake import landing
from lake.ingest import ingest
from lake.manifest import Entry
from lake.settings import Settings
from tests.ehr.ccda.documents import document
from tests.ehr.dicom.images import image
from tests.ehr.hl7v2.messages import message, msh, pid

HL7 = message(msh("ADT^A28", "20240101"), pid("1"))
LABS = "result_id,patient_id,code,value,unit,collected_at\nR1,P1,2345-7,99,mg/dL,2024-01-01T08:00:00\n"
FORMATS = {
    "fhir_ndjson": ("Patient.ndjson", b'{"resourceType":"Patient","id":"p1"}\n'),
    "hl7v2": ("adt.hl7", HL7.encode()),
    "ccda": ("summary.xml", document().encode()),
    "dicom": ("image.dcm", image()),
    "extract": ("labs.csv", LABS.encode()),
}


def land(settings: Settings, files: dict[str, bytes]) -> dict[str | None, Entry]:
    for name, content in files.items():
        path = settings.landing / "mercy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return {entry.format: entry for entry in ingest(settings, READERS, {}, landing.pending(settings))}


def test_a_gzip_bomb_is_refused_in_every_format(tmp_path: Path) -> None:
    """Eight megabytes of nothing behind a good beginning, where 256 KB are allowed."""
    settings = Settings(home=tmp_path / "home", max_file_bytes=256 << 10)
    bombs = {f"{name}.gz": gzip.compress(content + bytes(8 << 20)) for name, content in FORMATS.values()}
    found = land(settings, bombs)
    refused = {name: (entry.status, entry.reason) for name, entry in found.items()}
    assert refused == dict.fromkeys(FORMATS, ("rejected", "decompression_bomb"))
    assert not (settings.lake / "work").exists() or not any(
        one for one in (settings.lake / "work").rglob("*") if one.is_file()
    )


def test_one_endless_line_is_refused_in_every_format(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for a gigabyte on one line. CSV and FHIR refuse the line alone (test_records.py, test_bad_input.py)."""
    monkeypatch.setattr(ehr.hl7v2.lines, "MAX_LINE_BYTES", 1 << 16)
    monkeypatch.setattr(ehr.ccda.xml, "MAX_BYTES", 1 << 16)
    endless = "x" * (1 << 18)
    files = {"a.hl7": HL7.encode() + b"OBX|1|ST|1^a^L||" + endless.encode()}
    files["b.xml"] = document().replace("Jane", endless).encode()
    found = land(settings, files)
    assert {name: (entry.status, entry.reason) for name, entry in found.items()} == {
        "hl7v2": ("rejected", "line_too_long"),
        "ccda": ("rejected", "too_large"),
    }
    assert all(endless not in (entry.detail or "") for entry in found.values())


def test_a_document_with_one_endless_value_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte in one text, attribute or comment, in small: the parser would hold it whole."""
    monkeypatch.setattr(ehr.ccda.xml, "MAX_TEXT", 1 << 16)
    endless = "x" * (1 << 20)
    places = {
        "text": document().replace("Jane", endless),
        "attribute": document().replace("<entry>", f'<entry typeCode="{endless}">', 1),
        "comment": document().replace("<entry>", f"<!-- {endless} --><entry>", 1),
    }
    for name, content in places.items():
        found = land(settings, {f"{name}.xml": content.encode()})["ccda"]
        assert (found.status, found.reason) == ("rejected", "too_large"), name
        assert "line " in (found.detail or "")

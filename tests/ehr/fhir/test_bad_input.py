"""Hostile and careless FHIR files: what is refused says where and why, what is good is staged, the counts add up."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ehr.fhir import careful, lines, reader
from ehr.fhir.reader import READERS
from lake import landing
from lake.ingest import ingest
from lake.manifest import Entry
from lake.settings import Settings

GOOD = '{"resourceType":"Patient","id":"p1","birthDate":"1970","name":[{"family":"Doe"}]}'
OTHER = '{"resourceType":"Patient","id":"p2"}'


def land(settings: Settings, name: str, content: bytes) -> Entry:
    path = settings.landing / "st_anne" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    (entry,) = ingest(settings, READERS, {}, landing.pending(settings))
    return entry


def staged(settings: Settings, entry: Entry) -> list[str]:
    path = settings.raw / "fhir_patient" / f"{entry.file_id}.parquet"
    return [row["id"] for row in pq.read_table(path).to_pylist()] if path.exists() else []


def quarantined(settings: Settings, entry: Entry) -> list[tuple[str, str, str]]:
    rows = pq.read_table(settings.quarantine / f"{entry.file_id}.parquet").to_pylist()
    return [(row["position"], row["reason"], row["detail"]) for row in rows]


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


BAD = {
    "cut off": b'{"resourceType":"Patient","id":',
    "wrong shape": b'{"resourceType":"Patient","id":"x","name":"Doe"}',
    "not UTF-8": b'{"resourceType":"Patient","id":"\xff"}',
    "no type": b'{"id":"x"}',
    "nested 10,000 deep": b'{"resourceType":"Patient","id":"x","name":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "NUL": b'{"resourceType":"Patient","id":"a\x00b"}',
}
FORMS = {
    "plain": lambda rows: b"\n".join(rows) + b"\n",
    "Windows": lambda rows: b"\xef\xbb\xbf" + b"\r\n".join(rows) + b"\r\n",
    "zstd": lambda rows: zstd(b"\n".join(rows)),
}


@pytest.mark.parametrize("form", FORMS)
def test_whatever_is_wrong_with_lines_the_others_are_staged(settings: Settings, form: str) -> None:
    """All kinds of bad lines in one file, in every form that files come in; positions are line numbers."""
    rows = [GOOD.encode(), *BAD.values(), OTHER.encode()]
    entry = land(settings, "Patient.ndjson", FORMS[form](rows))
    assert entry.status == "ingested"
    assert entry.balanced
    assert (entry.records_read, entry.records_accepted, entry.records_rejected) == (len(rows), 2, len(BAD))
    assert staged(settings, entry) == ["p1", "p2"]
    found = quarantined(settings, entry)
    assert sorted(position for position, _, _ in found) == [f"line {n}" for n in range(2, len(BAD) + 2)]
    assert all(reason and detail for _, reason, detail in found)


@pytest.mark.parametrize("neighbour", ["", "\n\n"], ids=["typed way", "careful way"])
@pytest.mark.parametrize("number", ["NaN", "1e999"])
def test_what_is_no_finite_number_is_refused(settings: Settings, number: str, neighbour: str) -> None:
    """RFC 8259, 6: JSON has no NaN and no infinity; DuckDB reads both, and turns 1e999 into one."""
    record = '{{"resourceType":"Observation","id":"{}","valueQuantity":{{"value":{}}}}}'
    text = "\n".join([record.format("a", "1.5"), record.format("b", number), record.format("c", "2")]) + neighbour
    entry = land(settings, "Observation.ndjson", text.encode())
    assert (entry.records_read, entry.records_accepted, entry.records_rejected) == (3, 2, 1)
    assert quarantined(settings, entry)[0][:2] == ("line 2", "wrong_shape")


def test_one_endless_line_is_read_in_bounded_memory(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Stands for a gigabyte on one line: 64 MiB where 1 MiB is the limit."""
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1 << 20)
    path = tmp_path / "endless.ndjson"
    with path.open("wb") as file:
        file.write(GOOD.encode() + b'\n{"resourceType":"Patient","id":"')
        for _ in range(64):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n' + b"\n".join([OTHER.encode()] * 3) + b"\n")
    bad: list[lines.BadLine] = []
    tracemalloc.start()
    written = lines.write(path, tmp_path / "lines.parquet", bad.append)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert written == 4
    assert [(one.number, one.reason) for one in bad] == [(2, "line_too_long")]
    assert peak < 40 << 20
    assert pq.read_table(tmp_path / "lines.parquet")["record_no"].to_pylist() == [1, 3, 4, 5]


def test_a_file_of_one_endless_line_is_refused_as_a_record(settings: Settings) -> None:
    entry = land(settings, "Patient.ndjson", b'{"resourceType":"Patient","id":"' + b"x" * (17 << 20))
    assert (entry.records_read, entry.records_accepted, entry.records_rejected) == (1, 0, 1)
    assert quarantined(settings, entry)[0][:2] == ("line 1", "line_too_long")


def bundle(*resources: dict[str, Any] | str) -> bytes:
    entries = ",".join(f'{{"resource":{one if isinstance(one, str) else json.dumps(one)}}}' for one in resources)
    return f'{{"resourceType":"Bundle","type":"collection","entry":[{entries}]}}'.encode()


def test_a_bundle_longer_than_a_line_may_be_is_still_opened(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exports write a patient's whole record as one Bundle without line ends."""
    monkeypatch.setattr(reader, "MAX_LINE_BYTES", 1_000)
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1_000)
    people = [{"resourceType": "Patient", "id": f"p{n}"} for n in range(100)]
    entry = land(settings, "bundle.json", bundle(*people, '{"resourceType":"Patient","id":"bad","name":1}'))
    assert (entry.records_read, entry.records_accepted, entry.records_rejected) == (101, 100, 1)
    assert quarantined(settings, entry)[0][:2] == ("line 1, entry 101", "wrong_shape")


def test_a_document_that_is_too_large_is_refused_with_a_remedy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(careful, "_MAX_DOCUMENT_BYTES", 1_000)
    entry = land(settings, "bundle.json", json.dumps(json.loads(bundle(*[OTHER] * 50)), indent=1).encode())
    assert (entry.status, entry.reason) == ("rejected", "file_too_large")
    assert "deliver NDJSON" in (entry.detail or "")


def test_a_bundle_that_nests_too_deep_is_one_bad_record(settings: Settings) -> None:
    deep = '{"resourceType":"Patient","id":"x","name":' + "[" * 100_000 + "]" * 100_000 + "}"
    entry = land(settings, "bundles.ndjson", bundle(deep) + b"\n" + bundle(OTHER) + b"\n")
    assert entry.balanced
    assert (entry.records_accepted, entry.records_rejected) == (1, 1)
    assert staged(settings, entry) == ["p2"]


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path, compress: Any) -> None:
    """40 MB of one repeated line in some kilobytes, where 1 MB is allowed."""
    settings = Settings(home=tmp_path / "home", max_file_bytes=1 << 20)
    entry = land(settings, "Patient.ndjson", compress(f"{GOOD}\n".encode() * 500_000))
    assert (entry.status, entry.reason) == ("rejected", "decompression_bomb")
    assert "TWIN_MAX_FILE_BYTES" in (entry.detail or "")
    assert (entry.records_read, entry.records_accepted) == (0, 0)
    assert not (settings.lake / "work").exists() or not any((settings.lake / "work").rglob("*.ndjson"))

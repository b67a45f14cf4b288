"""The manifest of a bulk export: form of the example in the Bulk Data Access IG 2.0, "Response - Complete Status"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ehr.readers import READERS
from lake import landing
from lake.ingest import ingest
from lake.manifest import Entry
from lake.settings import Settings

MANIFEST: dict[str, Any] = {
    "transactionTime": "2021-01-01T00:00:00Z",
    "request": "https://example.com/fhir/Patient/$export?_type=Patient,Observation",
    "requiresAccessToken": True,
    "output": [
        {"type": "Patient", "url": "https://example.com/output/patient_file_1.ndjson", "count": 2},
        {"type": "Observation", "url": "https://example.com/output/observation%20file.ndjson?token=secret"},
    ],
    "deleted": [{"type": "Bundle", "url": "https://example.com/output/del_file_1.ndjson"}],
    "error": [{"type": "OperationOutcome", "url": "https://example.com/output/err_file_1.ndjson"}],
}


def land(settings: Settings, content: bytes) -> Entry:
    path = settings.landing / "st_anne" / "manifest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    (entry,) = ingest(settings, READERS, {}, landing.pending(settings))
    return entry


def rows(settings: Settings, entry: Entry) -> list[dict[str, Any]]:
    return pq.read_table(settings.raw / "fhir_export_file" / f"{entry.file_id}.parquet").to_pylist()


@pytest.mark.parametrize("indent", [None, 2])
def test_every_file_is_listed(settings: Settings, indent: int | None) -> None:
    entry = land(settings, json.dumps(MANIFEST, indent=indent).encode())
    assert (entry.status, entry.format, entry.records_read, entry.records_accepted) == (
        "ingested",
        "fhir_export_manifest",
        4,
        4,
    )
    found = rows(settings, entry)
    assert {row["transaction_time"] for row in found} == {"2021-01-01T00:00:00Z"}
    assert [(row["part"], row["resource_type"], row["file_name"], row["expected_count"]) for row in found] == [
        ("output", "Patient", "patient_file_1.ndjson", 2),
        ("output", "Observation", "observation file.ndjson", None),
        ("deleted", "Bundle", "del_file_1.ndjson", None),
        ("error", "OperationOutcome", "err_file_1.ndjson", None),
    ]


def test_nothing_of_an_address_but_the_name_is_kept(settings: Settings) -> None:
    entry = land(settings, json.dumps(MANIFEST).encode())
    assert "secret" not in str(rows(settings, entry))


def test_a_bad_entry_is_quarantined_and_the_rest_staged(settings: Settings) -> None:
    bad = [{"type": "Patient"}, "text", {"type": "Patient", "url": "x.ndjson", "count": "2"}]
    entry = land(settings, json.dumps({**MANIFEST, "output": [*bad, MANIFEST["output"][0]]}).encode())
    assert (entry.records_read, entry.records_accepted, entry.records_rejected) == (6, 3, 3)
    quarantined = pq.read_table(settings.quarantine / f"{entry.file_id}.parquet").to_pylist()
    assert [row["position"] for row in quarantined] == ["output 1", "output 2", "output 3"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"transactionTime": "2021-01-01T00:00:00Z", "output": [', "invalid_json"),
        (b'{"transactionTime": 5, "output": []}', "wrong_shape"),
        (b'{"transactionTime": "2021-01-01T00:00:00Z", "output": {}, "deleted": 1}', "wrong_shape"),
    ],
)
def test_what_is_no_manifest_is_refused(settings: Settings, content: bytes, reason: str) -> None:
    entry = land(settings, content)
    assert (entry.status, entry.reason) == ("rejected", reason)


def test_resources_are_still_read_as_resources(settings: Settings, tmp_path: Path) -> None:
    entry = land(settings, b'{"resourceType":"Patient","id":"p"}')
    assert (entry.format, entry.records_accepted) == ("fhir_ndjson", 1)

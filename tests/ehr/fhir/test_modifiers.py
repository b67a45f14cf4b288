"""FHIR R4, extensibility: a modifier extension that is not understood must not be passed over in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ehr.fhir import lines
from ehr.fhir.reader import READERS
from lake import landing
from lake.ingest import ingest
from lake.manifest import Entry
from lake.settings import Settings

NOT_DONE = "http://hl7.org/fhir/us/qicore/StructureDefinition/qicore-notDone"
DO_NOT_PERFORM = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DeviceRequest.doNotPerform"
STRANGE = {"url": "http://example.org/negates", "valueBoolean": True}


def observation(id: str, **given: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id, "status": "final", **given}


LINES: dict[str, tuple[dict[str, Any], str | None]] = {
    "plain": (observation("plain"), None),
    "an ordinary extension": (observation("ordinary", extension=[STRANGE]), None),
    "the word in a text": (observation("word", code={"text": 'a "modifierExtension" in a text'}), None),
    "one that the view reads": (
        observation("not-done", modifierExtension=[{"url": NOT_DONE, "valueBoolean": True}]),
        None,
    ),
    "an unknown one": (observation("x1", modifierExtension=[STRANGE]), STRANGE["url"]),
    "a known and an unknown one": (
        observation("x2", modifierExtension=[{"url": NOT_DONE, "valueBoolean": True}, STRANGE]),
        STRANGE["url"],
    ),
    "in a component": (observation("x3", component=[{"modifierExtension": [STRANGE]}]), STRANGE["url"]),
    "in a contained resource": (
        observation("x4", contained=[{"resourceType": "Device", "modifierExtension": [STRANGE]}]),
        STRANGE["url"],
    ),
    "one that another view reads": (
        observation("x5", modifierExtension=[{"url": DO_NOT_PERFORM, "valueBoolean": True}]),
        DO_NOT_PERFORM,
    ),
    "without a url": (observation("x6", modifierExtension=[{"valueBoolean": True}]), "without a url"),
    "no list": (observation("x7", modifierExtension=STRANGE), "without a url"),
    "an odd url": (observation("x8", modifierExtension=[{"url": "Jane Doe, 1 Main St"}]), "(of an odd url)"),
    "implicit rules": (observation("x9", implicitRules="http://example.org/rules"), "implicitRules"),
}


def land(settings: Settings, files: dict[str, bytes]) -> list[Entry]:
    for name, content in files.items():
        path = settings.landing / "st_anne" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return ingest(settings, READERS, {}, landing.pending(settings))


def raw(settings: Settings, entry: Entry) -> dict[str, str]:
    rows = pq.read_table(settings.raw / "fhir_observation" / f"{entry.file_id}.parquet").to_pylist()
    return {row["id"]: row["status"] for row in rows}


def quarantine(settings: Settings, entry: Entry) -> list[tuple[str, str, str]]:
    rows = pq.read_table(settings.quarantine / f"{entry.file_id}.parquet").to_pylist()
    return [(row["position"], row["reason"], row["detail"]) for row in rows]


def test_what_changes_the_meaning_is_refused_unless_it_is_understood(settings: Settings) -> None:
    content = "\n".join(json.dumps(line) for line, _ in LINES.values())
    (entry,) = land(settings, {"Observation.ndjson": content.encode()})
    refused = [(number, part) for number, (_, part) in enumerate(LINES.values(), 1) if part]
    assert (entry.records_read, entry.records_rejected) == (len(LINES), len(refused))
    assert entry.balanced
    found = quarantine(settings, entry)
    assert [(position, reason) for position, reason, _ in found] == [
        (f"line {number}", "unknown_modifier") for number, _ in refused
    ]
    for (_, part), (_, _, detail) in zip(refused, found, strict=True):
        assert part is not None
        assert part in detail
        assert "Main St" not in detail
    assert raw(settings, entry) == {"plain": "final", "ordinary": "final", "word": "final", "not-done": "cancelled"}


def test_files_read_together_and_bundles_are_judged_alike(settings: Settings) -> None:
    bad = json.dumps(observation("bad", modifierExtension=[STRANGE]))
    good = json.dumps(observation("good"))
    bundle = f'{{"resourceType":"Bundle","entry":[{{"resource":{bad}}},{{"resource":{good}}}]}}'
    files = {"a.ndjson": good, "b.ndjson": f"{bad}\n{good}\n", "c.json": bundle}
    for entry in land(settings, {name: text.encode() for name, text in files.items()}):
        assert (entry.records_accepted, entry.records_rejected) == (1, int("a.nd" not in entry.path)), entry.path
        assert raw(settings, entry) == {"good": "final"}


@pytest.mark.parametrize("at", [0, 3, 10, 19])
def test_a_mark_is_seen_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    monkeypatch.setattr(lines, "_BLOCK", 40)
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"x" * (40 - at) + b'"modifierExtension"' + b"\n" + b"y" * 90)
    assert lines.look(path) == lines.Look(2, True)
    path.write_bytes(b"x" * (40 - at) + b'"modifiedExtension"' + b"\n" + b"y" * 90)
    assert lines.look(path) == lines.Look(2, False)

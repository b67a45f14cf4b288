"""Landing FHIR: what is staged, what is refused with which reason, and that the counts always add up."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ehr.fhir.reader import READERS
from lake import landing
from lake.ingest import ingest
from lake.manifest import Entry
from lake.settings import Settings

GOOD = '{"resourceType":"Patient","id":"p1","birthDate":"1970","name":[{"family":"Doe","given":["Jo","Ann"]}]}'
OTHER = '{"resourceType":"Patient","id":"p2"}'
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "subject": {"reference": "Patient/p1"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}, {"system": "local", "code": "BP"}]},
    "component": [
        {"code": {"coding": [{"code": "8480-6"}]}, "valueQuantity": {"value": 121, "unit": "mmHg"}},
        {"code": {"text": "diastolic"}, "dataAbsentReason": {"coding": [{"code": "unknown"}]}},
    ],
}


def land(settings: Settings, name: str, content: bytes | str) -> Entry:
    path = settings.landing / "st_anne" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (entry,) = ingest(settings, READERS, {}, landing.pending(settings))
    return entry


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


def counts(entry: Entry) -> tuple[int, int, int, int]:
    ignored = sum(entry.records_ignored.values())
    return entry.records_read, entry.records_accepted, entry.records_rejected, ignored


def raw(settings: Settings, entry: Entry, table: str) -> list[dict[str, Any]]:
    return pq.read_table(settings.raw / table / f"{entry.file_id}.parquet").to_pylist()


def quarantine(settings: Settings, entry: Entry) -> list[tuple[str, str]]:
    rows = pq.read_table(settings.quarantine / f"{entry.file_id}.parquet").to_pylist()
    return [(row["position"], row["reason"]) for row in rows]


BAD_LINES = {
    "not JSON": ('{"resourceType":"Patient","id":', "invalid_json"),
    "two objects on one line": (GOOD + OTHER, "invalid_json"),
    "a list": ("[1]", "not_an_object"),
    "a number": ("12", "not_an_object"),
    "null": ("null", "not_an_object"),
    "no resourceType": ('{"id":"x"}', "missing_resource_type"),
    "a resourceType that is no text": ('{"resourceType":7,"id":"x"}', "missing_resource_type"),
    "array where object": ('{"resourceType":"Patient","id":"x","maritalStatus":[{"text":"M"}]}', "wrong_shape"),
    "object where array": ('{"resourceType":"Patient","id":"x","name":{"family":"F"}}', "wrong_shape"),
    "string where object": ('{"resourceType":"Patient","id":"x","meta":"m"}', "wrong_shape"),
    "object where string": ('{"resourceType":"Patient","id":"x","gender":{"code":"male"}}', "wrong_shape"),
    "nested list": ('{"resourceType":"Patient","id":"x","name":[["F"]]}', "wrong_shape"),
    "text where boolean": ('{"resourceType":"Patient","id":"x","active":"perhaps"}', "wrong_shape"),
    "a key twice": ('{"resourceType":"Patient","id":"x","id":"y"}', "wrong_shape"),
    "a raw control character": ('{"resourceType":"Patient","id":"a\x01b"}', "invalid_json"),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line_is_quarantined_with_its_number_and_the_rest_is_staged(settings: Settings, case: str) -> None:
    line, reason = BAD_LINES[case]
    entry = land(settings, "Patient.000.ndjson", f"{GOOD}\n{line}\n{OTHER}\n")
    assert (entry.status, counts(entry)) == ("ingested", (3, 2, 1, 0))
    assert quarantine(settings, entry) == [("line 2", reason)]
    assert [(row["record_no"], row["id"]) for row in raw(settings, entry, "fhir_patient")] == [(1, "p1"), (3, "p2")]


def test_many_lines_of_wrong_shapes_are_all_found(settings: Settings) -> None:
    wrong = [f'{{"resourceType":"Patient","id":"w{n}","name":"x"}}' for n in range(50)]
    entry = land(settings, "Patient.ndjson", "\n".join([GOOD, *wrong, OTHER]))
    assert counts(entry) == (52, 2, 50, 0)
    assert {reason for _, reason in quarantine(settings, entry)} == {"wrong_shape"}
    assert [row["record_no"] for row in raw(settings, entry, "fhir_patient")] == [1, 52]


def test_a_text_that_looks_like_json_is_text(settings: Settings) -> None:
    line = json.dumps({"resourceType": "Patient", "id": "p", "name": [{"family": '{"a":1}'}]})
    entry = land(settings, "Patient.ndjson", line)
    assert counts(entry) == (1, 1, 0, 0)
    assert raw(settings, entry, "fhir_patient")[0]["family"] == '{"a":1}'


def test_invalid_utf8_is_a_bad_line(settings: Settings) -> None:
    entry = land(settings, "Patient.ndjson", f"{GOOD}\n".encode() + b'{"resourceType":"Patient","id":"\xff"}\n')
    assert counts(entry) == (2, 1, 1, 0)
    assert quarantine(settings, entry) == [("line 2", "invalid_utf8")]


@pytest.mark.parametrize(
    ("case", "content", "numbers"),
    [
        ("byte-order mark", b"\xef\xbb\xbf" + f"{GOOD}\n{OTHER}\n".encode(), [1, 2]),
        ("Windows line ends", f"{GOOD}\r\n{OTHER}\r\n".encode(), [1, 2]),
        ("blank lines", f"\n{GOOD}\n\n  \n{OTHER}\n\n".encode(), [2, 5]),
        ("blank Windows lines", f"\r\n{GOOD}\r\n\r\n{OTHER}\r\n".encode(), [2, 4]),
        ("no end of line at the end", f"{GOOD}\n{OTHER}".encode(), [1, 2]),
        ("gzip", gzip.compress(f"{GOOD}\n{OTHER}\n".encode()), [1, 2]),
        ("zstd", zstd(f"{GOOD}\n{OTHER}\n".encode()), [1, 2]),
        ("zstd with a byte-order mark", zstd(b"\xef\xbb\xbf" + f"{GOOD}\n{OTHER}\n".encode()), [1, 2]),
    ],
)
def test_harmless_forms_are_read_with_true_line_numbers(
    settings: Settings, case: str, content: bytes, numbers: list[int]
) -> None:
    entry = land(settings, "Patient.ndjson", content)
    assert (entry.status, counts(entry)) == ("ingested", (2, 2, 0, 0)), case
    assert [row["record_no"] for row in raw(settings, entry, "fhir_patient")] == numbers


@pytest.mark.parametrize(
    ("case", "name", "content", "reason"),
    [
        ("empty", "Patient.ndjson", b"", "empty_file"),
        ("truncated gzip", "Patient.ndjson.gz", gzip.compress(f"{GOOD}\n".encode() * 9000)[:-20], "corrupt_gzip"),
        ("truncated zstd", "Patient.ndjson.zst", zstd(f"{GOOD}\n".encode() * 90000)[:-20], "corrupt_zstd"),
        ("UTF-16", "Patient.ndjson", f"{GOOD}\n".encode("utf-16"), "wrong_encoding"),
        ("not FHIR", "notes.txt", b"hello\n", "unknown_format"),
    ],
)
def test_unusable_files_are_refused_with_a_reason(
    settings: Settings, case: str, name: str, content: bytes, reason: str
) -> None:
    entry = land(settings, name, content)
    assert (entry.status, entry.reason) == ("rejected", reason), case


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_a_bomb_is_refused(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    settings = Settings(home=tmp_path / "home", max_file_bytes=100_000)
    entry = land(settings, "Patient.ndjson.gz", compress(f"{GOOD}\n".encode() * 9000))
    assert (entry.status, entry.reason) == ("rejected", "decompression_bomb")


def test_a_line_too_long_for_the_reader_is_quarantined(settings: Settings) -> None:
    long = '{"resourceType":"Patient","id":"' + "x" * (40 << 20) + '"}'
    entry = land(settings, "Patient.ndjson", f"{GOOD}\n{long}\n{OTHER}\n")
    assert counts(entry) == (3, 2, 1, 0)
    assert quarantine(settings, entry) == [("line 2", "line_too_long")]
    assert [row["record_no"] for row in raw(settings, entry, "fhir_patient")] == [1, 3]


def test_mixed_types_are_told_apart_and_unsupported_ones_counted(settings: Settings) -> None:
    lines = [GOOD, '{"resourceType":"Organization","id":"x","name":"St Anne"}', json.dumps(OBSERVATION)]
    entry = land(settings, "all.ndjson", "\n".join(lines))
    assert counts(entry) == (3, 2, 0, 1)
    assert entry.records_ignored == {"unsupported resource type Organization": 1}
    assert raw(settings, entry, "fhir_patient")[0]["record_no"] == 1
    assert {row["record_no"] for row in raw(settings, entry, "fhir_observation")} == {3}


def test_components_and_codings_become_rows(settings: Settings) -> None:
    rows = raw(settings, land(settings, "Observation.ndjson", json.dumps(OBSERVATION)), "fhir_observation")
    seen = [(row["component_no"], row["coding_no"], row["code"], row["value_type"], row["value_num"]) for row in rows]
    assert sorted(seen) == [
        (0, 1, "85354-9", "none", None),
        (0, 2, "BP", "none", None),
        (1, 1, "8480-6", "quantity", 121.0),
        (2, 1, None, "none", None),
    ]
    absent = next(row for row in rows if row["component_no"] == 2)
    assert (absent["code_text"], absent["data_absent_reason"], absent["patient_id"]) == ("diastolic", "unknown", "p1")


@pytest.mark.parametrize("neighbour", ["", "\n\n"], ids=["typed way", "careful way"])
def test_decimals_keep_the_form_they_are_written_in(settings: Settings, neighbour: str) -> None:
    """FHIR R4, datatypes: the precision of a decimal is significant."""
    literals = ["0.010", "1.00", "6.3", "7", "1e3", "-0.50"]
    lines = [
        f'{{"resourceType":"Observation","id":"{n}","valueQuantity":{{"unit":"u","value":{literal}}}}}'
        for n, literal in enumerate(literals)
    ]
    entry = land(settings, "Observation.ndjson", "\n".join(lines) + neighbour)
    rows = sorted(raw(settings, entry, "fhir_observation"), key=lambda row: row["record_no"])
    assert [row["value_literal"] for row in rows] == literals
    assert [row["value_num"] for row in rows] == [float(literal) for literal in literals]


def test_units_in_brackets_do_not_slow_a_file_down(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """UCUM writes [degF] and {score}; lists and objects begin alike, and a file that has them is read line by line."""
    monkeypatch.setattr("ehr.fhir.careful.read", lambda *_: pytest.fail("read the careful way"))
    lines = [
        json.dumps(
            {"resourceType": "Observation", "id": unit, "valueQuantity": {"value": 1, "unit": unit, "code": unit}}
        )
        for unit in ("[degF]", "[IU]/L", "{score}")
    ]
    entry = land(settings, "Observation.ndjson", "\n".join(lines))
    assert counts(entry) == (3, 3, 0, 0)
    assert {row["unit"] for row in raw(settings, entry, "fhir_observation")} == {"[degF]", "[IU]/L", "{score}"}


def test_an_ambiguous_literal_is_not_guessed(settings: Settings) -> None:
    line = (
        '{"resourceType":"Observation","id":"x","valueQuantity":{"value":1.0},'
        '"component":[{"valueQuantity":{"value":1.00}},{"valueQuantity":{"value":2.50}}]}'
    )
    rows = raw(settings, land(settings, "Observation.ndjson", line), "fhir_observation")
    assert {row["component_no"]: row["value_literal"] for row in rows} == {0: None, 1: None, 2: "2.50"}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Patient/p1", "p1"),
        ("urn:uuid:3f8a", "3f8a"),
        ("https://example.org/fhir/Patient/p1", "p1"),
        ("Patient/p1/_history/2", "p1"),
        ("Group/g1", None),
        ("Patient?identifier=x", None),
        ("#contained", None),
    ],
)
def test_references_are_stripped_to_the_id(settings: Settings, reference: str, expected: str | None) -> None:
    line = json.dumps({"resourceType": "Encounter", "id": "e", "subject": {"reference": reference}})
    (row,) = raw(settings, land(settings, "Encounter.ndjson", line), "fhir_encounter")
    assert row["patient_id"] == expected


def test_the_code_of_a_contained_medication(settings: Settings) -> None:
    request = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "contained": [
            {"resourceType": "Medication", "id": "other", "code": {"coding": [{"code": "1"}]}},
            {"resourceType": "Medication", "id": "med", "code": {"coding": [{"code": "6809"}], "text": "metformin"}},
        ],
        "medicationReference": {"reference": "#med"},
    }
    (row,) = raw(settings, land(settings, "m.ndjson", json.dumps(request)), "fhir_medication_request")
    assert (row["code"], row["code_text"], row["coding_no"]) == ("6809", "metformin", 1)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_bundle_is_opened(settings: Settings, indent: int | None) -> None:
    entries = [
        {"fullUrl": "urn:uuid:1", "resource": json.loads(GOOD)},
        {"resource": OBSERVATION},
        {"resource": {"resourceType": "Claim", "id": "c"}},
        {"response": {"status": "200"}},
        {"resource": {"resourceType": "Patient", "id": "bad", "name": "x"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    entry = land(settings, "bundle.json", json.dumps(bundle, indent=indent))
    assert counts(entry) == (5, 2, 1, 2)
    assert quarantine(settings, entry) == [("line 1, entry 5", "wrong_shape")]
    assert raw(settings, entry, "fhir_patient")[0]["id"] == "p1"


def test_the_decimals_of_a_bundle_keep_their_form(settings: Settings) -> None:
    text = (
        '{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation","valueQuantity":{"value":0.10}}}]}'
    )
    (row,) = raw(settings, land(settings, "bundle.json", text), "fhir_observation")
    assert row["value_literal"] == "0.10"


def test_deleted_resources_of_a_bulk_export(settings: Settings) -> None:
    """Form of the example in the Bulk Data Access IG 2.0, "deleted"."""
    bundle = {
        "resourceType": "Bundle",
        "id": "bundle-1",
        "meta": {"lastUpdated": "2020-04-27T02:56:00Z"},
        "type": "transaction",
        "entry": [
            {"request": {"method": "DELETE", "url": "Patient/123"}},
            {"request": {"method": "DELETE", "url": "Observation/o9"}},
        ],
    }
    entry = land(settings, "deleted.ndjson", json.dumps(bundle) + "\n")
    assert counts(entry) == (2, 2, 0, 0)
    rows = [(row["resource_type"], row["id"], row["deleted_at"]) for row in raw(settings, entry, "fhir_deleted")]
    assert rows == [("Patient", "123", "2020-04-27T02:56:00Z"), ("Observation", "o9", "2020-04-27T02:56:00Z")]


def test_a_synthea_export_is_staged_completely(shared_data: Path, settings: Settings) -> None:
    """As many resources as lines, of every type (Pathling's test data; counted independently with zlib)."""
    for path in sorted((shared_data / "ehr" / "fhir_synthea_pathling").glob("*.ndjson.gz")):
        resource = path.name.split(".")[0]
        entry = land(settings, path.name, path.read_bytes())
        expected = gzip.decompress(path.read_bytes()).count(b"\n")
        supported = entry.records_accepted > 0
        accepted = expected if supported else 0
        assert counts(entry) == (expected, accepted, 0, expected - accepted)
        if supported:
            (table,) = (one for one in settings.raw.iterdir() if (one / f"{entry.file_id}.parquet").exists())
            ids = {row["id"] for row in raw(settings, entry, table.name)}
            assert len(ids) == expected, resource


@pytest.mark.parametrize(
    "late",
    [
        {"referenceRange": [{"low": {"value": 4.0}}], "meta": {"lastUpdated": "2020-01-01T00:00:00Z"}},
        {"component": [{"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}]},
        {"dataAbsentReason": {"coding": [{"code": "unknown"}]}},
    ],
    ids=["at the top", "in a component", "in a list"],
)
def test_an_element_that_a_sample_of_the_file_does_not_show_is_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, late: dict[str, Any]
) -> None:
    """The view is compiled for the elements seen in the sample; the first other one has the file read with all."""
    seen = frozenset({"resourceType", "id", "status", "component", "valueQuantity", "value", "code", "coding"})
    lines = [json.dumps({"resourceType": "Observation", "id": "a", "status": "final"})]
    lines += [json.dumps({"resourceType": "Observation", "id": "b", "status": "final", **late})]
    expected = raw(settings, land(settings, "whole.ndjson", "\n".join(lines) + "\n"), "fhir_observation")
    monkeypatch.setattr("ehr.fhir.lines.names", lambda _: seen)
    monkeypatch.setattr("ehr.fhir.careful.read", lambda *_: pytest.fail("read the careful way"))
    entry = land(settings, "sampled.ndjson", "\n".join(lines))
    assert counts(entry) == (2, 2, 0, 0)
    rows = raw(settings, entry, "fhir_observation")

    def ordered(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        anonymous = [{**row, "file_id": ""} for row in found]
        return sorted(anonymous, key=lambda row: (row["record_no"], row["component_no"]))

    assert ordered(rows) == ordered(expected)

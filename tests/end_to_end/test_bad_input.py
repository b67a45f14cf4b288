"""Bad input is refused with file, reason and remedy, and the rest goes on."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from tests.end_to_end.conftest import Twin

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bad_input")]

GOOD_PATIENT = b'{"resourceType":"Patient","id":"p1","gender":"female","birthDate":"1960-02-03"}\n'
GOOD_LAB = b"patient_id,result_id,code,value,unit,collected_at,resulted_at,status\n"

FILES: dict[str, bytes] = {
    "empty.ndjson": b"",
    "truncated.ndjson.gz": gzip.compress(GOOD_PATIENT * 2000)[:-30],
    "invalid_utf8.ndjson": GOOD_PATIENT.replace(b"p1", b"p2") + b'{"resourceType":"Patient","id":"\xff\xfe"}\n',
    "bom.ndjson": b"\xef\xbb\xbf" + GOOD_PATIENT.replace(b"p1", b"p3"),
    "not_json.ndjson": GOOD_PATIENT.replace(b"p1", b"p4") + b"this is no JSON\n",
    "unknown.xyz": b"\x00\x01\x02 something else",
    "wrong_delimiter.csv": GOOD_LAB.replace(b",", b"^") + b"RV-1^r1^4548-4^5.5^%^2020-01-01^2020-01-02^F\n",
    "good.ndjson": GOOD_PATIENT.replace(b"p1", b"p5"),
}


@pytest.fixture(scope="module")
def built(new_twin: Callable[..., Twin]) -> Twin:
    twin = new_twin()
    folder = twin.settings.landing / "somewhere"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    twin("build")
    return twin


def test_whole_files_are_refused_with_a_reason(built: Twin) -> None:
    found = {
        path.split("/")[-1]: (status, reason)
        for path, status, reason in built.rows("select path, status, reason from marts_monitoring.landing_status")
    }
    assert found["empty.ndjson"] == ("rejected", "empty_file")
    assert found["truncated.ndjson.gz"] == ("rejected", "corrupt_gzip")
    assert found["unknown.xyz"] == ("rejected", "unknown_format")
    assert found["wrong_delimiter.csv"][0] == "rejected"
    assert all(
        found[name][0] == "ingested" for name in FILES if name in ("bom.ndjson", "good.ndjson", "not_json.ndjson")
    )


def test_bad_lines_are_quarantined_and_their_neighbours_used(built: Twin) -> None:
    people = {key for (key,) in built.rows("select source_person_key from core.twin_person_link")}
    assert people == {"p2", "p3", "p4", "p5"}


def test_status_tells_what_was_refused_and_where(built: Twin) -> None:
    said = built("status")
    for word in ("empty_file", "corrupt_gzip", "unknown_format", "unknown.xyz"):
        assert word in said
    assert "this is no JSON" not in said, "texts of records stay in quarantine"

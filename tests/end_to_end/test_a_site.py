"""What a site really delivers, good and bad, into an empty home: all is published, every refusal is explained."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lake import manifest
from tests.end_to_end.conftest import Twin

pytestmark = pytest.mark.slow

REAL = {
    "synthea": "ehr/fhir_synthea_pathling",
    "mimic_iv": "ehr/mimic_iv_demo_2.2",
    "apple_health": "wearables/apple_health",
    "genome": "genomics/pgsc_calc/assets/examples/target_genomes/cineca_synthetic_subset.vcf.gz",
}
ROUTE = ".gpx"
"""Tracks of workouts beside an Apple export: refused as of an unknown format, and told so."""
NOT_DATA = {"LICENSE", "LICENSE.txt", "README.txt", "README.md", "SHA256SUMS.txt", "SOURCE_COMMIT"}

PATIENT = b'{"resourceType":"Patient","id":"p1","gender":"female","birthDate":"1960-02-03"}\n'
LAB = b"patient_id,result_id,code,value,unit,collected_at,resulted_at,status\n"

BAD: dict[str, tuple[bytes, str | None]] = {
    # name → (content, why the whole file is refused, if it is)
    "empty.ndjson": (b"", "empty_file"),
    "truncated.ndjson.gz": (gzip.compress(PATIENT * 2000)[:-30], "corrupt_gzip"),
    "invalid_utf8.ndjson": (PATIENT.replace(b"p1", b"p2") + b'{"resourceType":"Patient","id":"\xff\xfe"}\n', None),
    "bom.ndjson": (b"\xef\xbb\xbf" + PATIENT.replace(b"p1", b"p3"), None),
    "not_json.ndjson": (PATIENT.replace(b"p1", b"p4") + b"this is no JSON\n", None),
    "unknown.xyz": (b"\x00\x01\x02 something else", "unknown_format"),
    "wrong_delimiter.csv": (LAB.replace(b",", b"^") + b"RV-1^r1^4548-4^5.5^%\n", "unknown_format"),
    "good.ndjson": (PATIENT.replace(b"p1", b"p5"), None),
}  # fmt: skip


@pytest.fixture(scope="module")
def site(new_twin: Callable[..., Twin], shared_data: Path) -> Twin:
    twin = new_twin()
    for source, place in REAL.items():
        twin("land", str(shared_data / place), "--source", source)
    folder = twin.settings.landing / "careless"
    folder.mkdir(parents=True)
    for name, (content, _) in BAD.items():
        (folder / name).write_bytes(content)
    twin("build")
    return twin


@pytest.fixture(scope="module")
def said(site: Twin) -> dict[str, Any]:
    status: dict[str, Any] = site.json("status")
    return status


def test_everything_is_published(site: Twin, said: dict[str, Any]) -> None:
    assert said["waiting"] == []
    assert said["published_at"]
    facts = dict(site.rows("select source_system, count(*) from core.twin_fact group by 1"))
    assert facts["synthea"] > 2_000
    assert facts["mimic_iv"] > 100_000
    assert site.rows("select count(*) from core.twin_genome_sample") == [(2_504,)], "samples of its .psam file"
    assert site.rows("select count(*) from core.twin_wearable_day") != [(0,)]


def test_the_rows_of_every_mimic_table_are_those_of_its_file(site: Twin, shared_data: Path) -> None:
    entries = {Path(one.path).name: one for one in manifest.entries(site.settings) if one.source == "mimic_iv"}
    tables = sorted((shared_data / REAL["mimic_iv"]).glob("*/*.csv.gz"))
    assert len(tables) == 30
    for path in tables:
        with gzip.open(path, "rt", newline="") as lines:
            expected = sum(1 for _ in lines) - 1
        assert (path.name, entries[path.name].records_accepted) == (path.name, expected)


def test_only_what_is_no_data_is_refused_of_the_real_deliveries(said: dict[str, Any]) -> None:
    refused = {one["path"] for one in said["refused"] if not one["path"].startswith("careless/")}
    assert {path.rsplit("/", 1)[-1] for path in refused if not path.endswith(ROUTE)} <= NOT_DATA
    assert [one for one in said["rejected"] if not one["path"].startswith("careless/")] == []


def test_ages_make_sense_even_where_dates_are_shifted(site: Twin) -> None:
    assert site.rows("select count(*) from marts_analyst.patient_summary where age_years not between 0 and 110") == [
        (0,)
    ]


def test_bad_files_are_refused_with_a_reason(said: dict[str, Any]) -> None:
    refused = {one["path"].removeprefix("careless/"): one for one in said["refused"]}
    for name, (_, reason) in BAD.items():
        assert (name, refused.get(name, {}).get("reason")) == (name, reason)
        assert reason is None or refused[name]["detail"]


def test_bad_lines_are_quarantined_and_their_neighbours_used(site: Twin, said: dict[str, Any]) -> None:
    people = site.rows("select source_person_key from core.twin_person_link where source_system = 'careless'")
    assert {key for (key,) in people} == {"p2", "p3", "p4", "p5"}
    rejected = {one["path"].removeprefix("careless/") for one in said["rejected"]}
    assert rejected == {"invalid_utf8.ndjson", "not_json.ndjson"}


def test_status_says_it_in_words_and_keeps_the_texts_of_records_to_itself(site: Twin) -> None:
    words = site("status")
    for word in ("empty_file", "corrupt_gzip", "unknown_format", "invalid_json"):
        assert word in words
    assert "this is no JSON" not in words

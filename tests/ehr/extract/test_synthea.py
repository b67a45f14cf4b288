"""Synthea's CSV export: every table has a mapping and every row is staged, with the values of the source."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pyarrow.parquet as pq

from ehr.readers import READERS
from lake.ingest import ingest
from lake.landing import describe
from lake.settings import Settings


def test_rows_and_values_equal_the_source(settings: Settings, shared_data: Path) -> None:
    """Counts and values: Python's csv module over the published files."""
    sources = {
        path.name.removesuffix(".csv.gz"): path for path in (shared_data / "ehr/synthea_csv_27").glob("*.csv.gz")
    }
    assert len(sources) == 18
    landed = []
    for path in sources.values():
        target = settings.landing / "synthea" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
        landed.append(describe(settings, target))
    entries = ingest(settings, READERS, {}, landed)
    for (table, path), entry in zip(sources.items(), entries, strict=True):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            source = list(csv.DictReader(file))
        assert (entry.status, entry.format) == ("ingested", "synthea"), (table, entry.detail)
        assert (entry.records_read, entry.records_accepted, entry.records_rejected) == (len(source), len(source), 0)
        assert entry.notes.get("columns_not_mapped") is None, table
        staged = pq.read_table(settings.raw / f"synthea_{table}" / f"{entry.file_id}.parquet").to_pylist()
        for number, (before, after) in enumerate(zip(source, staged, strict=True), start=1):
            assert after["record_no"] == number
            for name, text in before.items():
                value = after[name.lower()]
                if isinstance(value, float):
                    assert value == float(text)
                elif hasattr(value, "hour"):
                    assert f"{value:%Y-%m-%dT%H:%M:%SZ}" == text
                else:
                    assert ("" if value is None else str(value)) == text, (table, name)


def test_another_patients_file_is_not_taken_for_one(settings: Settings) -> None:
    path = settings.landing / "clinic" / "patients.csv"
    path.parent.mkdir(parents=True)
    path.write_text("mrn,family_name,birth_date\n7,Doe,1970-01-01\n")
    (entry,) = ingest(settings, READERS, {}, [describe(settings, path)])
    assert (entry.format, entry.status, entry.notes["mapping"]) == ("extract", "ingested", "people")

"""MIMIC-IV demo 2.2: every table has a mapping and every row is staged, with the values of the source."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pyarrow.parquet as pq

from ehr.extract.reader import READERS
from lake.ingest import ingest
from lake.landing import describe
from lake.settings import Settings


def test_rows_and_values_equal_the_source(settings: Settings, shared_data: Path) -> None:
    """Counts and values: Python's csv module over the published files."""
    folder = shared_data / "ehr" / "mimic_iv_demo_2.2"
    sources = {path.name.removesuffix(".csv.gz"): path for path in sorted(folder.glob("*/*.csv.gz"))}
    assert len(sources) == 30
    landed = []
    for path in sources.values():
        target = settings.landing / "mimic" / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
        landed.append(describe(settings, target))
    entries = ingest(settings, READERS, {}, landed)
    for (table, path), entry in zip(sources.items(), entries, strict=True):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            source = csv.reader(file)
            header = next(source)
            first = next(source)
            count = 1 + sum(1 for _ in source)
        assert (entry.status, entry.format) == ("ingested", "mimic_iv"), table
        assert (entry.records_read, entry.records_accepted, entry.records_rejected) == (count, count, 0), table
        staged = pq.ParquetFile(settings.raw / f"mimic_iv_{table}" / f"{entry.file_id}.parquet")
        row = next(staged.iter_batches(batch_size=1)).to_pylist()[0]
        assert row["record_no"] == 1
        for name, text in zip(header, first, strict=True):
            value = row[name.lower()]
            if isinstance(value, float):
                assert value == float(text)
            else:
                assert ("" if value is None else str(value)) == text, (table, name)


def test_all_lab_values_equal_an_independent_read(settings: Settings, shared_data: Path) -> None:
    """Independent read: DuckDB's own CSV reader with declared types."""
    import duckdb

    source = shared_data / "ehr" / "mimic_iv_demo_2.2" / "hosp" / "labevents.csv.gz"
    target = settings.landing / "mimic" / "labevents.csv.gz"
    target.parent.mkdir(parents=True)
    target.symlink_to(source)
    (entry,) = ingest(settings, READERS, {}, [describe(settings, target)])
    staged = settings.raw / "mimic_iv_labevents" / f"{entry.file_id}.parquet"
    columns = (
        "labevent_id, subject_id, hadm_id, specimen_id, itemid, charttime, storetime, value, valuenum, valueuom,"
        " ref_range_lower, ref_range_upper, flag, priority, comments"
    )
    other = f"read_csv('{source}', sample_size = -1, types = {{'value': 'varchar'}})"
    connection = duckdb.connect()
    for one, two in ((f"'{staged}'", other), (other, f"'{staged}'")):
        query = f"select count(*) from (select {columns} from {one} except all select {columns} from {two})"
        assert connection.execute(query).fetchone() == (0,)
    query = f"select count(*), min(record_no), max(record_no), count(distinct record_no) from '{staged}'"
    assert connection.execute(query).fetchone() == (107_727, 1, 107_727, 107_727)

"""Synthea's CSV export from its files to the ledger: nothing is lost on the way."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from ehr.readers import READERS
from lake.ingest import ingest
from lake.landing import describe
from lake.settings import Settings
from tests.transform.conftest import Home

pytestmark = pytest.mark.slow

TABLES = {
    "encounters": "encounter",
    "conditions": "condition",
    "observations": "measurement",
    "medications": "medication",
    "procedures": "procedure",
    "immunizations": "immunization",
    "allergies": "allergy",
    "devices": "device",
    "imaging_studies": "imaging_study",
}


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    with gzip.open(folder / f"{table}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "ehr" / "synthea_csv_27"


@pytest.fixture(scope="module")
def synthea(new_home: Callable[[], Home], folder: Path) -> Home:
    home = new_home()
    settings = Settings(home=home.path)
    landed = []
    for table in ("patients", *TABLES):
        target = settings.landing / "synthea" / f"{table}.csv.gz"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(folder / target.name)
        landed.append(describe(settings, target))
    ingest(settings, READERS, {}, landed)
    home.dbt("build", "--select", "+twin_fact", "--exclude-resource-type", "unit_test")
    return home


def test_every_record_reaches_staging_and_core(synthea: Home, folder: Path) -> None:
    """Counts: Python's csv module. One prescription stands twice in the export and is one fact."""
    for table, entity in TABLES.items():
        source = rows(folder, table)
        assert synthea.query(f"select count(*) from staging.stg_synthea__{entity}") == [(len(source),)]
        keys = ("Id", "INSTANCE_UID", "PATIENT", "ENCOUNTER", "CODE", "START", "DATE", "UDI")
        natural = {tuple(one.get(key) for key in keys) for one in source}
        query = f"select count(distinct fact_key) from core.twin_fact where source_table = 'synthea_{table}'"
        assert synthea.query(query) == [(len(natural),)], table
    assert synthea.query("select count(distinct person_id) from intermediate.int_identity__link") == [(27,)]
    assert synthea.query("select count(*) from core.twin_fact where person_id is null") == [(0,)]


def test_values_are_standardised(synthea: Home, folder: Path) -> None:
    """Body heights: the export has centimetres, which is the canonical unit."""
    heights = sorted(float(one["VALUE"]) for one in rows(folder, "observations") if one["CODE"] == "8302-2")
    found = synthea.query(
        "select value_std from core.twin_fact where concept = 'body_height' and version = 1 order by value_std"
    )
    assert [value for (value,) in found] == heights
    unknown = synthea.query("select distinct unit_src from core.twin_fact where quality_flags like '%unit_unknown%'")
    assert unknown == []


def test_nothing_counts_as_known_before_it_happened(synthea: Home) -> None:
    """The export has no recorded time, so every known time is imputed by the rules."""
    query = "select count(*) from core.twin_fact where known_basis <> 'imputed' or known_at < event_at"
    assert synthea.query(query) == [(0,)]

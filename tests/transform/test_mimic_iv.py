"""MIMIC-IV demo from its files to the ledger: nothing is lost on the way, and nothing is known before it was stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ehr.extract.reader import READERS
from lake.ingest import ingest
from lake.landing import describe
from lake.settings import Settings
from tests.transform.conftest import Home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mimic(new_home: Callable[[], Home], shared_data: Path) -> Home:
    home = new_home()
    settings = Settings(home=home.path)
    landed = []
    for path in sorted((shared_data / "ehr" / "mimic_iv_demo_2.2").glob("*/*.csv.gz")):
        target = settings.landing / "mimic" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
        landed.append(describe(settings, target))
    ingest(settings, READERS, {}, landed)
    home.dbt("build", "--select", "+twin_fact", "--exclude-resource-type", "unit_test")
    return home


@pytest.mark.parametrize(
    ("model", "count"),
    [
        # rows of the published files; records, not codings
        ("person", 100),
        ("encounter", 275 + 140),
        ("condition", 4_506),
        ("procedure", 722 + 61 + 1_468),
        ("medication", 18_087),
        ("measurement_lab", 107_727),
        ("measurement_micro", 2_899),
    ],
)
def test_staging_keeps_every_record(mimic: Home, model: str, count: int) -> None:
    query = f"select count(distinct (source_table, file_id, record_no)) from staging.stg_mimic_iv__{model}"
    assert mimic.query(query) == [(count,)]


def test_outpatient_blood_pressures_become_two(mimic: Home) -> None:
    """2,964 rows are published, 872 of them blood pressures."""
    assert mimic.query("select count(*) from staging.stg_mimic_iv__measurement_omr") == [(2_964 + 872,)]
    assert mimic.query("select count(*) from staging.stg_mimic_iv__measurement_omr where value_num is null") == [(0,)]


def test_labs_are_known_at_storetime(mimic: Home) -> None:
    """106,735 of 107,727 results have a storetime: the demo's own columns."""
    recorded = mimic.query(
        "select count(*), count(*) filter (known_at >= event_at) from core.twin_fact"
        " where source_table = 'mimic_iv_labevents' and known_basis = 'recorded'"
    )
    assert recorded[0][0] == 106_735
    basis = dict(
        mimic.query(
            "select known_basis, count(*) from core.twin_fact where source_table = 'mimic_iv_labevents' group by 1"
        )
    )
    assert sum(basis.values()) == 107_727


def test_no_billed_diagnosis_is_known_before_discharge(mimic: Home) -> None:
    query = """
        select count(*)
        from core.twin_fact as facts
        inner join staging.stg_mimic_iv__encounter_admission as stays on stays.encounter_key = facts.encounter_key
        where facts.source_table = 'mimic_iv_diagnoses_icd' and facts.known_at <= stays.event_end_at
    """
    assert mimic.query(query) == [(0,)]


def test_common_labs_reach_their_concept_and_unit(mimic: Home) -> None:
    """Counts of the items in labevents that have a number."""
    found = dict(
        mimic.query(
            "select concept, count(value_std) from core.twin_fact where source_table = 'mimic_iv_labevents'"
            " and concept in ('creatinine', 'sodium', 'hemoglobin', 'platelets') group by 1"
        )
    )
    assert found["creatinine"] >= 2_990
    assert found["sodium"] >= 3_000
    assert found["platelets"] >= 2_800

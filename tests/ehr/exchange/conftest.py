"""One home for all tests of exchange, built once: hand-made records, and the shared OMOP and MEDS data if present.

Its three exports are then landed in the same home, emptied, so that dbt parses once.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ehr.exchange import fhir, meds, omop
from ehr.exchange.folder import Export
from ehr.readers import READERS
from lake.ingest import ingest
from lake.landing import describe, land
from lake.manifest import Entry
from lake.publish import publish
from lake.settings import Settings
from tests.transform.conftest import Home

pytest.register_assert_rewrite(
    *(f"tests.ehr.exchange.{name}" for name in ("coming_in", "going_out", "going_out_omop", "coming_back"))
)

DBT = ("build", "--exclude-resource-type", "test", "unit_test", "--select")
CORRECTED_AT = "2016-03-01T09:00:00Z"


def _resource(kind: str, key: str, updated: str, **content: Any) -> str:
    return json.dumps({"resourceType": kind, "id": key, "meta": {"lastUpdated": updated}, **content})


def _coded(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _made() -> dict[str, str]:
    """Two people with what formats disagree about: a correction, a retraction, a censored value, partial dates."""
    me = {"reference": "Patient/p1"}
    loinc, snomed = "http://loinc.org", "http://snomed.info/sct"
    potassium = {
        "status": "final",
        "code": _coded(loinc, "2823-3", "Potassium"),
        "subject": me,
        "encounter": {"reference": "Encounter/e1"},
        "effectiveDateTime": "2015-02-03T08:30:00Z",
        "issued": "2015-02-03T10:00:00Z",
    }
    pain = {
        "clinicalStatus": _coded("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", "Active"),
        "code": _coded(snomed, "82423001", "Chronic pain"),
        "subject": me,
        "onsetDateTime": "2014-05",
        "recordedDate": "2014-06-02T11:00:00Z",
    }
    wrong = _coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "entered-in-error", "Error")
    lines = [
        _resource("Patient", "p1", "2014-01-01T00:00:00Z", gender="female", birthDate="1950-04-05"),
        _resource(
            "Patient", "p2", "2014-01-01T00:00:00Z", gender="male", birthDate="1971", deceasedDateTime="2018-01-02"
        ),
        _resource(
            "Encounter",
            "e1",
            "2015-02-03T18:00:00Z",
            status="finished",
            **{"class": {"code": "EMER"}},
            subject=me,
            period={"start": "2015-02-03T08:00:00Z", "end": "2015-02-03T17:00:00Z"},
        ),
        _resource(
            "Observation", "k1", "2015-02-03T10:00:00Z", **potassium, valueQuantity={"value": 5.9, "unit": "mmol/L"}
        ),
        _resource(
            "Observation",
            "k1",
            CORRECTED_AT,
            **{**potassium, "status": "corrected"},
            valueQuantity={"value": 4.9, "unit": "mmol/L"},
        ),
        _resource("Condition", "c1", "2014-06-02T11:00:00Z", **pain),
        _resource(
            "Condition", "c2", "2014-06-02T11:00:00Z", **{**pain, "code": _coded(snomed, "73211009", "Diabetes")}
        ),
        _resource("Condition", "c2", CORRECTED_AT, **pain, verificationStatus=wrong),
        _resource(
            "FamilyMemberHistory",
            "f1",
            "2014-06-02T11:00:00Z",
            status="completed",
            patient=me,
            date="2014-06-02",
            relationship=_coded("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "MTH", "mother"),
            condition=[{"code": _coded(snomed, "44054006", "Type 2 diabetes"), "onsetAge": {"value": 60, "unit": "a"}}],
        ),
        _resource(
            "AllergyIntolerance",
            "a1",
            "2014-06-02T11:00:00Z",
            clinicalStatus=_coded(
                "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active", "Active"
            ),
            criticality="high",
            code=_coded(snomed, "91936005", "Allergy to penicillin"),
            patient=me,
            recordedDate="2014-06-02T11:00:00Z",
        ),
        _resource(
            "MedicationRequest",
            "m1",
            "2015-02-03T12:00:00Z",
            status="active",
            intent="order",
            medicationCodeableConcept=_coded("http://www.nlm.nih.gov/research/umls/rxnorm", "6809", "metformin"),
            subject=me,
            authoredOn="2015-02-03T12:00:00Z",
            dosageInstruction=[{"text": "one in the morning"}],
        ),
        _resource(
            "DiagnosticReport",
            "r1",
            "2015-02-04T12:00:00Z",
            status="final",
            code=_coded(loinc, "11502-2", "Laboratory report"),
            subject=me,
            effectiveDateTime="2015-02-03T08:30:00Z",
            issued="2015-02-04T12:00:00Z",
            conclusion="Mild hyperkalaemia.",
        ),
    ]
    labs = (
        "result_id,patient_id,code,name,value,unit,collected_at,resulted_at,status\n"
        "1,RV-1,CRP//hs,C-reactive protein,<0.3,mg/L,2015-05-01 08:00:00,2015-05-01 12:00:00,F\n"
        "2,RV-1,GLUC,Glucose,5.5,mmol/L,2015-05-01 08:00:00,2015-05-01 12:00:00,F\n"
    )
    people = "mrn,family,given,birth_date,sex\nRV-1,Miller,Ann,1948-09-10,F\n"
    return {"made/made.ndjson": "\n".join(lines) + "\n", "north/labs.csv": labs, "north/patients.csv": people}


@dataclass
class Exchange:
    """A home before and after its exports came back."""

    home: Home
    settings: Settings
    before: Path
    exports: dict[str, Export]
    entries: dict[str, list[Entry]]

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Query the snapshot of the source data."""
        with duckdb.connect(str(self.before), read_only=True) as connection:
            return connection.execute(query, list(parameters)).fetchall()


@pytest.fixture(scope="session")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    """The source data in the ledger, published, and its three exports."""
    folder = tmp_path_factory.mktemp("exports")
    home = Home(tmp_path_factory.mktemp("twin_home"))
    settings = Settings(home=home.path, threads=2)
    for name, text in _made().items():
        path = settings.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shared = Path(__file__).resolve().parents[4] / "shared" / "data" / "ehr"
    if shared.is_dir():
        for path in sorted((shared / "omop_eunomia_synthea27").glob("*.gz")):
            link = settings.landing / "eunomia" / path.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
        events = pq.read_table(shared / "mimic_iv_demo_meds" / "mimic_iv_demo_meds_events.parquet")
        some = pc.unique(events["subject_id"]).sort().slice(0, 3)
        (settings.landing / "mimic_meds").mkdir(parents=True)
        pq.write_table(events.filter(pc.is_in(events["subject_id"], some)), folder / "events.parquet")
        (settings.landing / "mimic_meds" / "events.parquet").symlink_to(folder / "events.parquet")
    found = ingest(settings, READERS, {}, [describe(settings, path) for path in sorted(settings.landing.rglob("*.*"))])
    entries: dict[str, list[Entry]] = {}
    for one in found:
        entries.setdefault(one.source, []).append(one)
    home.dbt(*DBT, "+path:models/marts/interop")
    publish(settings, schemas=("core",))
    before = folder / "before.duckdb"
    shutil.copy(settings.snapshot, before)
    exports = {
        "omop": omop.export(settings, folder / "omop"),
        "meds": meds.export(settings, folder / "meds"),
        "fhir": fhir.export(settings, folder / "fhir"),
    }
    return Exchange(home, settings, before, exports, entries)


@pytest.fixture(scope="session")
def returned(landed: Exchange) -> Exchange:
    """The exports landed in the home, which was emptied before: sources ``omop``, ``meds`` and ``fhir``."""
    settings = landed.settings
    for folder in (settings.landing, settings.raw, settings.manifest, settings.quarantine):
        shutil.rmtree(folder, ignore_errors=True)
    empty = Home(landed.home.path)
    for name, export in landed.exports.items():
        land(settings, export.path, name)
    back = ingest(
        settings,
        READERS,
        {},
        [
            describe(settings, path)
            for path in sorted(settings.landing.rglob("*.*"))
            if path.is_file() and not path.name.startswith(".")
        ],
    )
    refused = [(one.path, one.reason) for one in back if one.status != "ingested" or one.records_rejected]
    assert refused == []
    # the views are there already and read whatever lies in the lake
    tables = [
        f"+{model},config.materialized:{kind}"
        for model in ("twin_fact", "twin_person_link")
        for kind in ("table", "incremental")
    ]
    empty.dbt("build", "--exclude-resource-type", "test", "unit_test", "seed", "--select", *tables)
    return landed

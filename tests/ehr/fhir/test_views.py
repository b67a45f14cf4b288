"""The shipped views and contracts agree with the declared raw tables."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ehr.fhir import plan_view, views
from ehr.fhir.tables import TABLES
from lake.tables import by_name


@pytest.mark.parametrize("resource", sorted(views.STAGED))
def test_a_view_gives_the_columns_of_its_table(resource: str) -> None:
    table = by_name(TABLES)[views.STAGED[resource]]
    plan = views.plan(resource)
    computed = {"Observation": {"value_literal"}, "Bundle": {"resource_type", "id"}}.get(resource, set())
    assert (set(plan.output) - {"url"}) | computed | {"record_no"} == set(table.schema.names)
    assert plan.unknown == ()


def test_every_view_file_is_used() -> None:
    assert {path.stem for path in views.FOLDER.glob("*.json")} == set(views.STAGED.values())


def test_contracts_speak_of_declared_columns() -> None:
    contracts = yaml.safe_load(views.FOLDER.with_name("contracts.yaml").read_text())
    tables = by_name(TABLES)
    for name, expectations in contracts.items():
        assert {one["column"] for one in expectations} <= set(tables[name].schema.names)


def test_views_of_others_compile(shared_data: Path) -> None:
    """The 22 ViewDefinitions of Google's FHIR Data Pipes and of HL7's guide."""
    files = sorted((shared_data / "ehr" / "view_definitions").rglob("*.json"))
    assert len(files) == 22
    for file in files:
        plan_view(file)

"""Metrics have one definition each, over tables and columns that exist, and say what a count by hand says."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from lake import metrics
from lake.settings import Settings
from orchestration.cli import app

METRICS = metrics.load(Settings().transform)
HUMANS = [
    # person, sex, is_deceased, diabetes, current drugs
    ("a", "female", False, "2020-01-01", 5),
    ("b", "male", False, None, 1),
    ("c", "male", False, None, 9),
    ("d", "male", True, "2019-01-01", 9),
]
BY_HAND = {
    ("people", ()): [(4, 4)],
    ("deceased_percent", ()): [(25.0, 4)],
    ("type_2_diabetes_percent", ()): [(pytest.approx(100 / 3), 3)],
    ("polypharmacy_percent", ("sex",)): [("female", 100.0, 1), ("male", 50.0, 2)],
    ("median_bmi", ()): [(None, 0)],
    ("blood_pressure_control_percent", ()): [(50.0, 2)],
}


def contracts() -> dict[str, dict[str, str]]:
    """Columns and types of every published model, from its contract."""
    found: dict[str, dict[str, str]] = {}
    models: list[dict[str, Any]] = []
    for path in sorted((Settings().transform / "models").glob("**/_*__models.yml")):
        layer = path.parts[path.parts.index("models") + 1 :]
        schema = "core" if layer[0] == "core" else f"marts_{layer[1]}"
        if layer[0] in ("core", "marts"):
            models = yaml.safe_load(path.read_text())["models"]
            for model in models:
                found[f"{schema}.{model['name']}"] = {one["name"]: one["data_type"] for one in model["columns"]}
    return found


@pytest.fixture
def published(tmp_path, monkeypatch) -> Settings:
    """A snapshot with every table that metrics read, empty but for a few people."""
    monkeypatch.setenv("TWIN_HOME", str(tmp_path))
    settings = Settings()
    settings.published.mkdir()
    tables = contracts()
    with duckdb.connect(str(settings.snapshot)) as connection:
        for name in {one.of for one in METRICS.values()}:
            columns = ", ".join(f"{column} {kind}" for column, kind in tables[name].items())
            connection.execute(f"create schema if not exists {name.split('.')[0]}")
            connection.execute(f"create table {name} ({columns})")
        connection.executemany(
            "insert into marts_analyst.patient_summary (person_id, sex, is_deceased, type_2_diabetes_since,"
            " n_current_drugs) values (?, ?, ?, ?, ?)",
            HUMANS,
        )
        connection.execute(
            "insert into marts_analyst.cohort_phenotype (person_id, phenotype, blood_pressure_control) values"
            " ('a', 'hypertension', 'below_140_90'), ('b', 'hypertension', 'above_140_90'),"
            " ('c', 'hypertension', null), ('c', 'diabetes', null)"
        )
    return settings


@pytest.mark.parametrize(("name", "by"), BY_HAND)
def test_a_metric_says_what_a_count_by_hand_says(published: Settings, name: str, by: tuple[str, ...]) -> None:
    assert metrics.compute(published, name, by).rows == BY_HAND[name, by]


def test_every_metric_reads_columns_that_contracts_name(published: Settings) -> None:
    assert len(metrics.everything(published)) == len(METRICS) >= 12
    for one in METRICS.values():
        assert metrics.compute(published, one.name, one.by).columns[: len(one.by)] == one.by


def test_the_command_explains_what_is_wrong(published: Settings) -> None:
    def said(*arguments: str) -> tuple[int, str]:
        outcome = CliRunner().invoke(app, ["metrics", *arguments])
        return outcome.exit_code, outcome.stdout + outcome.stderr

    assert said("people", "--by", "sex")[0] == 0
    code, text = said("people", "--by", "shoe_size")
    assert (code, "it can by sex, region_id" in text) == (2, True)
    assert said("no_such")[0] == said("--by", "sex")[0] == 2
    published.snapshot.unlink()
    code, text = said()
    assert (code, "twin build" in text) == (1, True)


def test_the_picture_of_the_warehouse_is_true() -> None:
    from orchestration.warehouse_page import PAGE, page

    assert PAGE.read_text() == page(Settings().transform), "python -m orchestration.warehouse_page draws it anew"

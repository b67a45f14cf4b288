"""The simulation stage of a build: blocked by a failed model, otherwise rows for everyone at high risk."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lake import derived
from lake.settings import Settings
from ml.tables import SCORED_COHORT
from orchestration.assets import simulation as assets
from orchestration.resources import Home
from simulation import progression, qualification, tables
from simulation.people import lake, read

NOW = datetime(2026, 6, 30)
PEOPLE, PER_YEAR, YEARS = 40, 2, 10


def truth() -> dict[str, tuple[float, float, np.ndarray, np.ndarray]]:
    """Everyone's HbA1c: level at NOW and slope as planted, times in years before NOW, and what was measured."""
    generator = np.random.default_rng(5)
    found = {}
    for number in range(PEOPLE):
        level, slope = generator.normal(6.5, 0.6), generator.normal(0.05, 0.12)
        t = -np.sort(generator.uniform(0, YEARS, YEARS * PER_YEAR))[::-1]
        found[f"P{number:02}"] = (level, slope, t, level + slope * t + generator.normal(0, 0.3, len(t)))
    return found


def write(path: Path, rows: list[dict[str, Any]], **columns: pa.DataType) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(list(columns.items()))), path)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = Settings(home=tmp_path_factory.mktemp("home"))
    text, at = pa.string(), pa.timestamp("us")
    people = list(truth())
    write(
        home.core / "twin_person.parquet",
        [
            {"person_id": one, "sex": "female", "birth_date": date(1960, 1, 1), "last_observed_at": NOW}
            for one in people
        ],
        person_id=text, sex=text, birth_date=pa.date32(), death_date=pa.date32(), last_observed_at=at,
    )  # fmt: skip
    measured = [
        {"person_id": person, "concept": "hba1c", "value_std": float(y), "event_at": NOW + timedelta(days=365.25 * t)}
        for person, (_, _, times, values) in truth().items()
        for t, y in zip(times, values, strict=True)
    ]
    fixed = {"body_weight": 80.0, "body_height": 170.0, "fasting_glucose": 105.0, "systolic_bp": 150.0, "egfr": 80.0}
    measured += [
        {"person_id": person, "concept": concept, "value_std": value, "event_at": NOW - timedelta(days=30)}
        for person in people
        for concept, value in {**fixed, "ldl_cholesterol": 140.0}.items()
        if (person, concept) != ("P01", "fasting_glucose")
    ]
    # a result that became known only after the cut-off of the backtest, though it was taken before
    late = {"person_id": "P02", "concept": "hba1c", "value_std": 90.0, "event_at": datetime(2020, 1, 1)}
    rows = [{"known_at": one["event_at"], "op": "insert", **one} for one in measured]
    rows.append({**late, "known_at": datetime(2025, 1, 1), "superseded_at": datetime(2025, 2, 1), "op": "insert"})
    write(
        home.core / "twin_measurement.parquet", rows,
        person_id=text, concept=text, value_std=pa.float64(), event_at=at, known_at=at, superseded_at=at, op=text,
    )  # fmt: skip
    exposed = {"person_id": text, "concept": text, "event_end_at": at, "superseded_at": at, "op": text}
    conditions = [{"person_id": "P00", "concept": "type_2_diabetes", "op": "insert"}]
    write(home.core / "twin_condition.parquet", conditions, **exposed)
    write(home.core / "twin_medication.parquet", [], **exposed)
    genes = [{"person_id": "P03", "gene": "SLCO1B1", "phenotype": "Poor Function"}]
    write(home.core / "twin_genome_diplotype.parquet", genes, person_id=text, gene=text, phenotype=text)
    scores = [
        {"person_id": one, "task": "ascvd_10y", "as_of": NOW, "scored_at": NOW, "eligible": True, "risk": 0.2,
         "band": "high"}
        for one in people
    ]  # fmt: skip
    derived.replace(home, SCORED_COHORT, "ascvd_10y", pa.Table.from_pylist(scores, SCORED_COHORT.schema))
    return home


def materialised(settings: Settings) -> dg.ExecuteInProcessResult:
    return dg.materialize(assets.assets(), resources={"home": Home(path=str(settings.home))}, raise_on_error=False)


@pytest.fixture(scope="module")
def built(settings: Settings) -> dg.ExecuteInProcessResult:
    result = materialised(settings)
    assert result.success
    return result


def rows(settings: Settings, table: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = derived.read(settings, table).to_pylist()
    return found


def test_a_model_that_fails_blocks_everything_after_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    good = qualification.Target("m", "t", 1, 1, 0, 2, "", "reproduction", "pass", True, "", "")
    monkeypatch.setattr(qualification, "validate", lambda: [good, replace(good, target="u", verdict="fail")])
    result = materialised(settings)
    assert not result.success
    assert not result.asset_materializations_for_node("simulate_people")
    assert [one.passed for one in result.get_asset_check_evaluations()] == [False]


def test_every_model_is_qualified_and_misses_stay(built: dg.ExecuteInProcessResult, settings: Settings) -> None:
    found = rows(settings, tables.SIM_VALIDATION)
    assert not [one["target"] for one in found if one["verdict"] == "fail"]
    misses = {one["target"].split(" ")[0] for one in found if one["verdict"] == "miss"}
    assert misses == {"JUPITER", "FOURIER", "ODYSSEY", "ACCORD-BP", "Lung", "ADVANCE,", "ACCORD,", "CALERIE-2"} | {
        "STEP", "SURMOUNT-1,", "stroke", "cardiac", "central"
    }  # fmt: skip
    assert {one["role"] for one in found} == {"reproduction", "calibration", "external", "conservation", "engine"}


def test_courses_find_what_was_planted(built: dg.ExecuteInProcessResult, settings: Settings) -> None:
    """Planted slopes lie in the 90 % interval about as often as it says; forecasts beat the last value."""
    slopes = {
        one["person_id"]: one
        for one in rows(settings, tables.TWIN_PARAMETER)
        if (one["outcome"], one["parameter"]) == ("hba1c", "slope")
    }
    inside = [slopes[person]["p05"] <= slope <= slopes[person]["p95"] for person, (_, slope, _, _) in truth().items()]
    assert 0.8 <= np.mean(inside) <= 1
    assert all(one["effective_members"] >= 0.99 * progression.SMALLEST for one in slopes.values())
    backtest = [
        one for one in rows(settings, tables.PROGRESSION_FORECAST) if one["is_backtest"] and one["outcome"] == "hba1c"
    ]
    assert len(backtest) == PEOPLE
    assert all(one["p05"] < 20 for one in backtest), "a value entered that was not known at the cut-off"
    covered = np.mean([one["p05"] <= one["happened"] <= one["p95"] for one in backtest])
    assert 0.8 <= covered <= 1
    ours, last = (
        np.sqrt(np.mean([(one[key] - one["happened"]) ** 2 for one in backtest])) for key in ("p50", "persistence")
    )
    assert ours < last


def test_alternatives_are_for_those_who_may_have_them(built: dg.ExecuteInProcessResult, settings: Settings) -> None:
    found = rows(settings, tables.PROGRESSION_FORECAST)
    assert {one["person_id"] for one in found if one["care"] == "metformin"} == {"P00"}
    by_care = {one["care"]: one["p50"] for one in found if one["person_id"] == "P00" and one["horizon_years"] == 1
               and one["outcome"] == "hba1c" and not one["is_backtest"]}  # fmt: skip
    assert by_care["metformin"] - by_care["current"] == pytest.approx(-1.12, abs=0.05)
    single = [one for one in found if one["outcome"] == "egfr" and not one["is_backtest"]]
    assert {one["status"] for one in single} == {"prior"}
    assert all("too few" in one["reason"] for one in single)


def test_nobody_is_dropped(built: dg.ExecuteInProcessResult, settings: Settings) -> None:
    found = rows(settings, tables.SIM_SUMMARY)
    assert {one["person_id"] for one in found} == set(truth())
    failed = {one["person_id"]: one["reason"] for one in found if one["status"] == "failed"}
    assert failed == {"P01": "not known: fasting_glucose_mg_dl"}
    of = {(one["scenario"], one["outcome"]): one for one in found if one["person_id"] == "P05"}
    big, small = (of[f"a meal of {grams} g", "largest glucose"] for grams in (75, 40))
    assert 105 < small["p50"] < big["p50"]
    assert small["p05"] < small["p50"] < small["p95"]
    assert of["300 kcal a day less", "change of weight"]["p95"] < 0
    treated = {outcome: one for (scenario, outcome), one in of.items() if scenario.startswith("atorvastatin")}
    assert treated["change of LDL"]["p50"] == pytest.approx(-0.43 * 140 / 38.67, abs=0.01)
    assert treated["change of systolic pressure"]["p50"] == pytest.approx(-10.3 * (1 - 0.1 * 4 / 9.1), abs=0.01)
    assert 0 < treated["major vascular events avoided"]["p05"] < treated["major vascular events avoided"]["p95"]


def test_ranks_exclude_first(built: dg.ExecuteInProcessResult, settings: Settings) -> None:
    found = {(one["person_id"], one["treatment"]): one for one in rows(settings, tables.TREATMENT_RANK)}
    assert found["P03", "simvastatin 20 mg"]["status"] == "excluded"
    assert "SLCO1B1" in found["P03", "simvastatin 20 mg"]["reason"]
    assert found["P04", "simvastatin 20 mg"]["rank_no"] is not None
    assert found["P04", "no change"]["net"] == 0


def test_pictures_and_a_run_in_mlflow(built: dg.ExecuteInProcessResult, settings: Settings) -> None:
    (first, *_) = built.asset_materializations_for_node("simulate_people")
    assert {"glucose", "blood_pressure", "treatments", "mlflow_run"} <= set(first.metadata)
    from ml import tracking

    client = tracking.connect(settings)
    run = client.get_run(str(first.metadata["mlflow_run"].value))
    assert run.info.status == "FINISHED"
    assert {one.path for one in client.list_artifacts(run.info.run_id)} == {
        "blood_pressure.png", "glucose.png", "treatments.png",
    }  # fmt: skip
    assert run.data.metrics["hba1c.coverage"] >= 0.8
    assert run.data.metrics["hba1c.rmse"] < run.data.metrics["hba1c.rmse_persistence"]
    (validation,) = built.asset_materializations_for_node("qualify_simulations")
    assert "published_trials" in validation.metadata
    run = client.get_run(str(validation.metadata["mlflow_run"].value))
    assert run.data.metrics["miss"] >= 5
    assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["published_trials.png"]


def test_new_measurements_are_added_to_the_old_sums(settings: Settings) -> None:
    """The fit to sums that were added is the fit to everything at once."""
    y, t = np.array([6.0, 6.4, 6.1, 6.6, 6.9]), np.array([-4.0, -3.0, -2.0, -1.0, 0.0])

    def sums(which: slice) -> progression.Sums:
        a, b = t[which], y[which]
        return progression.Sums(
            len(a), a.sum(), (a * a).sum(), b.sum(), (a * b).sum(), (b * b).sum(), float(b[-1])
        )  # fmt: skip

    whole, added = (progression.fit("hba1c", one) for one in (sums(slice(0, 5)), sums(slice(0, 3)) + sums(slice(3, 5))))
    np.testing.assert_allclose(whole.weights, added.weights, rtol=1e-9)
    assert progression.fit("hba1c", sums(slice(0, 2))).status == "prior"
    middle = progression.parameters(whole)["slope"][1]
    assert 0.05 < middle < np.polyfit(t, y, 1)[0], "between the prior's slope and least squares"


def test_people_of_the_lake_are_read_as_those_of_a_snapshot(settings: Settings) -> None:
    with lake(settings) as connection:
        (twin,) = read(connection, ["P00"])
    assert twin.person.conditions == ("type_2_diabetes",)
    assert twin.inputs["body_height_m"] == 1.7
    assert twin.person.risk_10y == 0.2

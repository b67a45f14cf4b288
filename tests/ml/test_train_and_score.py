"""From core tables to scored cohorts: what lands in MLflow, what is promoted, what is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lake import derived
from lake.settings import PROJECT_DIR, Settings
from ml import gates, monitor, registry, tables, tracking
from ml import task as tasks
from ml.ablate import ablate
from ml.dataset import CannotLearn
from ml.evaluate import Metric, Outcome
from ml.models.bundle import ModelUnusable
from ml.recalibrate import recalibrate
from ml.score import score
from ml.train import TrainResult, _still_loads, keep, train
from tests.ml.core_fixture import write_core

TASK = "t2d_5y"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with the core of 300 people, trained and scored once."""
    settings = Settings(home=tmp_path_factory.mktemp("ml") / "home", threads=1)
    write_core(settings, people=300)
    return settings


@pytest.fixture(scope="module")
def trained(home: Settings) -> TrainResult:
    before = Path.cwd()
    result = train(home, TASK, {"dagster_run_id": "test"})
    assert Path.cwd() == before
    return result


@pytest.fixture(scope="module")
def scored(home: Settings, trained: TrainResult) -> list[dict[str, Any]]:
    score(home, TASK)
    return derived.read(home, tables.SCORED_COHORT).to_pylist()


def test_a_first_champion_exists_and_says_why(trained: TrainResult) -> None:
    assert trained.champion
    assert trained.verdict
    assert {gate.name.split("_")[0] for gate in trained.gates} == {f"G{n}" for n in range(1, 9)}


def test_few_held_out_events_never_promote_a_learned_model(trained: TrainResult) -> None:
    # 75 held-out people have far fewer than the 30 events that a judgement needs
    assert any(gate.status == "insufficient" for gate in trained.gates)
    assert trained.champion == "recalibrated_equation"


def test_every_candidate_is_a_finished_child_with_model_and_metrics(home: Settings, trained: TrainResult) -> None:
    client = tracking.connect(home)
    parent = client.get_run(trained.run_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["core_version"] == trained.core_version
    assert parent.data.tags["dagster_run_id"] == "test"
    assert parent.inputs.dataset_inputs[0].dataset.digest == trained.core_version
    children = client.search_runs([parent.info.experiment_id], f"tags.mlflow.parentRunId = '{trained.run_id}'")
    assert {child.info.run_name for child in children} == {one.name for one in tasks.load(TASK).models}
    for child in children:
        assert child.info.status == "FINISHED"
        assert "test_harrell_c" in child.data.metrics
        assert child.outputs.model_outputs
    artifacts = {one.path for one in client.list_artifacts(trained.run_id)}
    assert {"calibration.png", "decision_curve.png", "reasons.png", "model_card.md"} <= artifacts


def test_training_again_on_the_same_core_reuses_the_run(home: Settings, trained: TrainResult) -> None:
    again = train(home, TASK)
    assert again.reused
    assert again.run_id == trained.run_id
    assert [gate.status for gate in again.gates] == [gate.status for gate in trained.gates]
    assert len(derived.read(home, tables.MODEL_METRIC)) == len(trained.metrics)


def test_nobody_is_scored_without_being_eligible(home: Settings, scored: list[dict[str, Any]]) -> None:
    assert len(scored) == 300
    for row in scored:
        assert (row["risk"] is None) == (not row["eligible"]) == (row["ineligible_reason"] is not None)
        if row["eligible"]:
            assert 0 <= row["risk_lo"] <= row["risk"] <= row["risk_hi"] <= 1
            assert row["band"] in {"low", "raised", "high"}
            assert 0 < row["percentile"] < 100


def test_reasons_show_what_was_observed_and_when(scored: list[dict[str, Any]]) -> None:
    eligible = [row for row in scored if row["eligible"]]
    for row in eligible:
        reasons = json.loads(row["reasons"])
        assert 1 <= len(reasons) <= 5
        for one in reasons:
            assert set(one) == {"feature", "label", "value", "unit", "observed_at", "contribution"}
            if one["observed_at"]:
                assert datetime.fromisoformat(one["observed_at"]) <= row["as_of"]
    strengths = [[abs(one["contribution"]) for one in json.loads(row["reasons"])] for row in eligible]
    assert all(one == sorted(one, reverse=True) for one in strengths)


def test_the_values_behind_the_scores_were_known(home: Settings, scored: list[dict[str, Any]]) -> None:
    rows = derived.read(home, tables.FEATURE_VALUE_LATEST).to_pylist()
    assert {row["person_id"] for row in rows} == {row["person_id"] for row in scored if row["eligible"]}
    assert all(row["known_at"] <= row["index_at"] and row["event_at"] <= row["index_at"] for row in rows)


def test_scoring_again_changes_nothing(home: Settings, scored: list[dict[str, Any]]) -> None:
    score(home, TASK)
    assert derived.read(home, tables.SCORED_COHORT).to_pylist() == scored


def test_scores_are_remembered_and_compared_with_the_last(home: Settings, scored: list[dict[str, Any]]) -> None:
    history = derived.read(home, tables.SCORE_HISTORY).to_pylist()
    given = [row for row in scored if row["eligible"]]
    assert {(row["person_id"], row["risk"]) for row in history} == {(row["person_id"], row["risk"]) for row in given}
    assert all(row["risk_before"] is None for row in scored)
    assert all(json.loads(row["actions"]) is not None and row["oldest_input_days"] >= 0 for row in given)
    (part,) = (home.derived / tables.SCORE_HISTORY.name).glob("*.parquet")
    earlier = derived.read(home, tables.SCORE_HISTORY)
    as_of = earlier.column_names.index("as_of")
    shifted = earlier.set_column(as_of, "as_of", [[row["as_of"] - timedelta(days=365) for row in history]])
    try:
        derived.replace(home, tables.SCORE_HISTORY, "a_year_ago", shifted)
        before = part.stat().st_mtime_ns
        score(home, TASK)
        now = [row for row in derived.read(home, tables.SCORED_COHORT).to_pylist() if row["eligible"]]
        assert all(row["risk_before"] == row["risk"] for row in now)
        assert part.stat().st_mtime_ns == before  # what was given is never written again
    finally:
        (home.derived / tables.SCORE_HISTORY.name / "a_year_ago.parquet").unlink()
        score(home, TASK)


def test_no_person_is_in_the_artifacts(home: Settings, trained: TrainResult) -> None:
    names = [row["person_id"] for row in derived.read(home, tables.TASK_COHORT).slice(0, 50).to_pylist()]
    for path in home.mlflow.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(name.encode() in content for name in names), path.name


def test_the_champion_loads_in_a_fresh_process_without_pickle(home: Settings, trained: TrainResult) -> None:
    # nothing of ours is importable there: the model brings its code, and answers a table of doubles
    script = f"""
import json, mlflow, pandas as pd
mlflow.set_tracking_uri({tracking.uri(home)!r})
mlflow.set_registry_uri({tracking.uri(home)!r})
model = mlflow.pyfunc.load_model("models:/{TASK}@champion")
names = [one.name for one in model.metadata.signature.inputs]
assert all(str(one.type) == "DataType.double" for one in model.metadata.signature.inputs)
rows = pd.DataFrame({{name: [float("nan")] for name in names}}).assign(age_years=60.0, sex_male=1.0)
print(json.dumps(model.predict(rows).to_dict("records")))
"""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        cwd=home.home,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert 0 < json.loads(done.stdout.splitlines()[-1])[0]["risk"] < 1
    assert not list((home.mlflow / "artifacts").rglob("*.pkl"))


def test_a_missing_feature_is_refused_never_scored(home: Settings, trained: TrainResult) -> None:
    import mlflow
    import pandas as pd

    tracking.connect(home)
    mlflow.set_tracking_uri(tracking.uri(home))
    mlflow.set_registry_uri(tracking.uri(home))
    model = mlflow.pyfunc.load_model(f"models:/{TASK}@champion")
    with pytest.raises(mlflow.exceptions.MlflowException, match="missing"):
        model.predict(pd.DataFrame({"age_years": [60.0]}))


def test_a_corrupt_champion_is_refused(home: Settings, scored: list[dict[str, Any]]) -> None:
    paths = [path for path in home.mlflow.rglob("model.json") if "recalibrated_equation" in path.read_text()]
    kept = {path: path.read_text() for path in paths}
    assert paths
    try:
        for path in paths:
            path.write_text(kept[path].replace("event", "ev3nt", 1))
        with pytest.raises(ModelUnusable, match="train again"):
            score(home, TASK)
        assert derived.read(home, tables.SCORED_COHORT).to_pylist() == scored
        assert not _still_loads(home, tracking.connect(home), tasks.load(TASK))  # so that training does not reuse it
    finally:
        for path, text in kept.items():
            path.write_text(text)


@pytest.mark.slow
def test_without_an_equation_nothing_serves_that_has_not_passed(settings: Settings, tmp_path: Path) -> None:
    declared = yaml.safe_load((tasks.TASK_DIR / f"{TASK}.yaml").read_text()) | {"equations": [], "name": "bare"}
    declared["models"] = [one for one in declared["models"] if one["name"] in ("cox", "lightgbm")]
    path = tmp_path / "bare.yaml"
    path.write_text(yaml.safe_dump(declared))
    write_core(settings, people=300)
    result = train(settings, str(path))
    assert result.champion is None
    assert "no equation to serve" in result.verdict
    with pytest.raises(ModelUnusable, match="has no champion"):
        score(settings, str(path))
    death = train(settings, "mortality_1y")
    assert death.champion == "recalibrated_equation"
    assert score(settings, "mortality_1y").n_scored > 0


def test_a_build_keeps_a_model_until_something_calls_for_another(
    home: Settings, trained: TrainResult, scored: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert monitor.due(home, TASK) == monitor.Decision("keep", ("it was trained on these data",))
    kept = keep(home, TASK, "nothing has moved")
    assert (kept.run_id, kept.reused, kept.champion) == (trained.run_id, True, trained.champion)
    assert "is kept: nothing has moved" in kept.verdict
    monkeypatch.setattr("ml.monitor.dataset.version", lambda _: "other data, as large")
    assert monitor.due(home, TASK).action == "keep"
    monkeypatch.setattr("ml.monitor._rows_now", lambda *_: trained.n_rows * 2)
    assert monitor.due(home, TASK).action == "train"
    monkeypatch.setattr("ml.monitor._rows_now", lambda *_: trained.n_rows)
    monkeypatch.setattr("ml.tracking.code_version", lambda: "another")
    assert monitor.due(home, TASK).reasons == ("the code has changed",)


def test_scores_are_watched_from_the_first_day(home: Settings, scored: list[dict[str, Any]]) -> None:
    watched = [row for row in derived.read(home, tables.MODEL_MONITOR).to_pylist() if row["task"] == TASK]
    assert {row["kind"] for row in watched} == {"feature", "missing", "score", "volume"}  # no outcome is known yet
    [score_row] = [row for row in watched if row["kind"] == "score"]
    assert score_row["status"] == "ok"
    assert score_row["n"] == sum(row["eligible"] for row in scored)
    assert all(0 < row["percentile_age_sex"] < 100 for row in scored if row["percentile_age_sex"] is not None)
    for row in scored:
        if row["eligible"]:
            assert row["risk_by_interval"][-1] == row["risk"]
            assert row["risk_by_interval"] == sorted(row["risk_by_interval"])


def test_the_card_answers_every_item_and_fills_in_nothing_it_cannot_know(home: Settings, trained: TrainResult) -> None:
    card = registry.model_card(home, TASK)
    section = card.split("## TRIPOD+AI")[1].split("## PROBAST+AI")[0]
    rows = [line.split("|")[1:4] for line in section.splitlines() if "|" in line]
    numbers = [int(one) for row in rows[2:] for one in re.findall(r"\d+", row[0])]
    assert set(range(1, 28)) <= set(numbers)  # 27 items (Collins 2024)
    assert {row[0].strip() for row in rows if "stated by the site" in row[2]} >= {"17", "18a-b", "19"}
    judged = card.split("## PROBAST+AI")[1].split("## Limits")[0]
    assert [judged.count(f"| {part} |") for part in ("development", "evaluation")] == [4, 4]  # four domains each
    assert "Overall concern: **high**" in judged  # a few held-out events of the same sources


def test_nothing_to_recalibrate_on_is_said(home: Settings, trained: TrainResult) -> None:
    with pytest.raises(CannotLearn, match="0 events since the champion's data ended"):
        recalibrate(home, TASK)


def test_reasons_only_where_asked(home: Settings, scored: list[dict[str, Any]]) -> None:
    try:
        score(home, TASK, "top")
        rows = [row for row in derived.read(home, tables.SCORED_COHORT).to_pylist() if row["eligible"]]
        told = [row for row in rows if row["reasons"] is not None]
        assert len(told) == -(-len(rows) // 10)
        assert min(row["risk"] for row in told) >= max(row["risk"] for row in rows if row["reasons"] is None)
    finally:
        score(home, TASK)


def test_without_a_champion_there_is_no_score(settings: Settings) -> None:
    write_core(settings, people=20)
    with pytest.raises(ModelUnusable, match="has no champion"):
        score(settings, TASK)


def test_no_events_are_refused_but_the_cohort_is_shown(settings: Settings) -> None:
    write_core(settings, people=40)
    (settings.core / "twin_condition.parquet").unlink()
    with pytest.raises(CannotLearn, match="only 0 training people"):
        train(settings, TASK)
    assert derived.read(settings, tables.TASK_ATTRITION).num_rows
    assert not settings.mlflow.exists()


def test_no_clinical_facts_are_refused(settings: Settings) -> None:
    write_core(settings, people=5)
    for name in ("measurement", "condition", "encounter"):
        (settings.core / f"twin_{name}.parquet").unlink()
    with pytest.raises(CannotLearn, match="no clinical fact"):
        train(settings, TASK)


def test_a_failing_step_leaves_no_running_run(
    home: Settings, trained: TrainResult, monkeypatch: Any, tmp_path: Path
) -> None:
    declared = yaml.safe_load((tasks.TASK_DIR / f"{TASK}.yaml").read_text()) | {"name": "other", "folds": 2}
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(declared))

    def broken(*_: object) -> None:
        raise RuntimeError("planted, with a value of a person: 42")

    monkeypatch.setattr("ml.candidates.fit_all", broken)
    with pytest.raises(RuntimeError, match="planted"):
        train(home, str(path))
    client = tracking.connect(home)
    runs = client.search_runs([client.get_experiment_by_name("other").experiment_id])
    assert [run.info.status for run in runs] == ["FAILED"]
    assert runs[0].data.tags["failure"] == "RuntimeError"
    assert "planted" not in str(runs[0].data.tags)


def test_four_first_writers_at_once_leave_all_runs_intact(settings: Settings) -> None:
    # reference/ml.md 3.7: without the lock the store is corrupt for good
    script = """
import sys
from pathlib import Path
from lake.settings import Settings
from ml import task as tasks, tracking
settings = Settings(home=Path(sys.argv[1]))
client = tracking.connect(settings)
experiment = tracking.experiment(client, settings, tasks.load("t2d_5y"))
with tracking.run(client, experiment, sys.argv[2], {}) as run_id:
    tracking.log_values(client, run_id, {"a": 1}, {"b": 2.0})
"""
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script, str(settings.home), f"writer {number}"],
            cwd=PROJECT_DIR,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    failures = [(one.wait(), one.stderr.read()[-500:] if one.stderr else "") for one in running]
    assert [code for code, _ in failures] == [0, 0, 0, 0], failures
    client = tracking.connect(settings)
    runs = client.search_runs([client.get_experiment_by_name(TASK).experiment_id])
    assert sorted(run.info.run_name for run in runs) == [f"writer {number}" for number in range(4)]
    assert all(run.info.status == "FINISHED" and run.data.metrics == {"b": 2.0} for run in runs)


def _judged(risk: np.ndarray, outcome: Outcome, rival: np.ndarray) -> dict[str, str]:
    from ml import evaluate

    task = tasks.load(TASK)
    found: list[Metric] = evaluate.metrics(outcome, risk, 1826, task.thresholds, bootstrap=50)
    verdicts = gates.judge(
        task,
        outcome,
        1826,
        risk,
        found=found,
        rivals=[gates.Rival("equation", rival)],
        subsample_risks=np.stack([risk, risk]),
        groups={},
        censoring_c=0.5,
        champion=None,
    )
    return {gate.name: gate.status for gate in verdicts}


def test_gates_pass_a_good_model_and_stop_bad_ones() -> None:
    random = np.random.default_rng(5)
    true = random.beta(1.5, 12, 4000)
    happened = random.random(len(true)) < true
    outcome = Outcome(np.where(happened, random.uniform(1, 1826, len(true)), 1826.0), happened.astype(np.int64))
    noisy = np.clip(true * np.exp(random.normal(0, 1.2, len(true))) * 0.5, 0.001, 0.9)
    good = _judged(true, outcome, noisy)
    assert set(good.values()) == {"pass"}
    assert _judged(noisy, outcome, true)["G3_not_worse"] == "fail"
    assert _judged(true / 3, outcome, noisy)["G4_calibrated"] == "fail"
    few = outcome.take(np.arange(100))
    assert _judged(true[:100], few, noisy[:100])["G3_not_worse"] == "insufficient"


def test_ablation_finds_what_a_family_is_worth(settings: Settings) -> None:
    write_core(settings, people=500, seed=4)
    found = ablate(settings, TASK, without={"genome"})
    assert found.c_difference == pytest.approx(found.c_with - found.c_without)
    assert len(found.person_id) == len(found.risk) == found.n
    with pytest.raises(KeyError, match="has no model"):
        ablate(settings, TASK, without=(), model="oracle")

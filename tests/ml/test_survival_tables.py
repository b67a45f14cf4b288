"""Any survival table: the bars on shared real cohorts, R's Cox and incidence, designs, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from ml import crossval, evaluate, survival_table
from ml.crossval import Evaluation
from ml.evaluate import Outcome
from ml.features.spec import Column
from ml.follow_up import BadCohort
from ml.models import discrete
from ml.models.fitted import Sample, fit
from ml.survival_table import Spec
from ml.task import ModelSpec
from orchestration.cli.program import app

LIGHTGBM = (ModelSpec(name="lightgbm", kind="lightgbm"),)
OFFSET = (ModelSpec(name="lightgbm_offset", kind="lightgbm", offset=True),)


def _evaluated(shared_data: Path, table: str, spec: str, models: tuple[ModelSpec, ...]) -> Evaluation:
    declared = survival_table.load_spec(spec).model_copy(update={"bootstrap": 0, "models": models})
    return crossval.run(survival_table.read(shared_data / f"ml/cohorts/{table}.parquet", declared), censoring=False)


def _figures(found: Evaluation, horizon: float) -> dict[str, float]:
    (judged,) = (one for one in found.judged if one.horizon == horizon)
    return {one.name: one.value for one in judged.metrics} | {"fold_c": judged.fold_c[0]}


def test_flchain_reaches_the_reference(shared_data: Path) -> None:
    # reference/ml.md section 5, 5 folds, seed 1: C >= .800 (Cox .797, GBSA .801)
    figures = _figures(_evaluated(shared_data, "survival/flchain", "flchain", LIGHTGBM), 3652)
    assert min(figures["fold_c"], figures["harrell_c_horizon"]) >= 0.800
    assert figures["observed_expected"] == pytest.approx(1, abs=0.05)


@pytest.mark.slow
def test_rotterdam_reaches_the_reference(shared_data: Path) -> None:
    # C >= .694 (Cox .675, RSF .694)
    figures = _figures(_evaluated(shared_data, "survival/rotterdam", "rotterdam", LIGHTGBM), 1826)
    assert min(figures["fold_c"], figures["harrell_c_horizon"]) >= 0.694


def test_competing_death_is_not_forgotten_on_mgus2(shared_data: Path) -> None:
    # 20-year AUC >= .62 with O:E in [.9, 1.12]; treating death as censoring gives O:E .44
    figures = _figures(_evaluated(shared_data, "survival/mgus2", "mgus2", LIGHTGBM), 240)
    assert figures["auc"] >= 0.62
    assert 0.9 <= figures["observed_expected"] <= 1.12


def test_the_offset_model_is_not_worse_than_the_equation_at_home(shared_data: Path) -> None:
    # Framingham exam 3: C >= .744 with the pooled cohort equations as offset
    found = _evaluated(shared_data, "riskCommunicator/framingham_long", "framingham_exam3", OFFSET)
    figures = _figures(found, 3652)
    assert min(figures["fold_c"], figures["harrell_c_horizon"]) >= 0.744
    assert figures["slope"] == pytest.approx(1, abs=0.2)


def _cox(rows: pd.DataFrame, names: dict[str, np.ndarray], time: str, event: Any) -> dict[str, float]:
    """The coefficients of this room's Cox model without penalty, on the original scale."""
    values = np.column_stack([np.asarray(one, float) for one in names.values()])
    whole = np.isfinite(values).all(axis=1) & np.isfinite(rows[time].to_numpy(float))
    columns = tuple(Column(name=n, label=n, unit="1", family="ehr", group=n, monotone=0) for n in names)
    follow = rows[time].to_numpy(float)[whole]
    sample = Sample(columns, values[whole], follow, np.asarray(event, np.int64)[whole], np.arange(whole.sum()))
    cuts = np.linspace(0, follow.max(), 5)
    made = fit(ModelSpec(name="cox", kind="cox", params={"penalizer": 0.0, "winsorize": 0}), None, sample, cuts)
    scaled = np.array(made.params["beta"]) / np.array(made.params["scale"])
    return dict(zip(names, map(float, scaled), strict=True))


def test_cox_equals_survivals_coxph(shared_data: Path) -> None:
    oracle = json.loads((shared_data / "ml/oracles/r_oracle.json").read_text())
    lung = pd.read_parquet(shared_data / "ml/cohorts/survival/lung.parquet")
    names = {name: lung[name].to_numpy() for name in ("age", "sex", "ph.ecog")}
    status = lung["status"].to_numpy()
    found = _cox(lung, names, "time", status == status.max())
    assert found == pytest.approx(oracle["lung_cox"]["coef"], abs=1e-4)

    chain = pd.read_parquet(shared_data / "ml/cohorts/survival/flchain.parquet")
    chain = chain[chain["futime"] > 0]
    names = {
        "age": chain["age"].to_numpy(),
        "sexM": (chain["sex"] == "M").to_numpy(),
        "log(kappa)": np.log(chain["kappa"].to_numpy()),
        "log(lambda)": np.log(chain["lambda"].to_numpy()),
        "mgus": chain["mgus"].to_numpy(),
    }
    found = _cox(chain, names, "futime", chain["death"])
    assert found == pytest.approx(oracle["flchain_cox"]["coef"], abs=1e-4)


def test_incidence_of_framingham_equals_survival(shared_data: Path) -> None:
    oracle = json.loads((shared_data / "ml/oracles/r_oracle.json").read_text())["framingham_cif"]
    rows = pd.read_parquet(shared_data / "ml/cohorts/riskCommunicator/framingham_long.parquet")
    rows = rows[(rows["PERIOD"] == 1) & (rows["PREVCHD"] == 0) & (rows["PREVSTRK"] == 0)]
    assert len(rows) == 4215  # reference H19
    event = np.where(rows["CVD"] == 1, 1, np.where(rows["DEATH"] == 1, 2, 0))
    time = np.where(rows["CVD"] == 1, rows["TIMECVD"], rows["TIMEDTH"]).astype(float)
    outcome = Outcome(time, event)
    years = [365.25 * one for one in oracle["years"]]
    np.testing.assert_allclose([evaluate.observed(outcome, one) for one in years], oracle["cif_cvd"], atol=1e-6)
    alone = Outcome(time, np.where(event == 1, 1, 0))
    np.testing.assert_allclose([evaluate.observed(alone, one) for one in years], oracle["one_minus_km"], atol=1e-6)


def test_nobody_is_in_two_folds_and_cases_are_dealt_evenly() -> None:
    person = np.repeat(np.arange(100), 3)
    event = np.zeros(300, np.int64)
    event[:60:3] = 1
    fold = crossval.by_person(person, event, 5, seed=1)
    assert all(len(set(fold[person == one])) == 1 for one in range(100))
    assert np.bincount(fold[event == 1]).tolist() == [4] * 5


def test_training_follow_up_ends_where_the_others_enter() -> None:
    columns = (Column(name="x", label="x", unit="1", family="ehr", group="x", monotone=0),)
    sample = Sample(columns, np.ones((4, 1)), np.array([5.0, 9, 3, 2]), np.array([1, 1, 2, 0]), np.arange(4))
    cut = crossval.truncated(sample, np.array([4.0, 10, 3, -1]))
    assert cut.time.tolist() == [4, 9, 3]
    assert cut.event.tolist() == [0, 1, 2]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """600 people whose hazard depends on one number, at three sites, some before the year 5."""
    random = np.random.default_rng(2)
    x = random.normal(size=600)
    time = random.exponential(1 / (0.1 * np.exp(x)))
    censored = random.uniform(1, 10, 600)
    table = pd.DataFrame(
        {
            "months": 12 * np.minimum(time, censored),
            "dead": time < censored,
            "x": x,
            "colour": random.choice(["red", "green", "blue"], 600),
            "clinic": random.choice(["north", "south", "west"], 600),
            "entry": random.uniform(0, 120, 600),
        }
    )
    path = tmp_path_factory.mktemp("tables") / "small.csv"
    table.to_csv(path, index=False)
    spec = {
        "time": "months",
        "event": "dead",
        "time_unit": "months",
        "horizons": [36],
        "features": ["x", "colour"],
        "models": [{"name": "cox", "kind": "cox", "params": {"penalizer": 0.001}}],
        "bootstrap": 20,
        "folds": 3,
    }
    return path, spec


def test_sites_and_time_are_designs_of_their_own(small: tuple[Path, dict[str, Any]]) -> None:
    path, spec = small
    more = {"site": "clinic", "split": "entry", "split_at": 60, "split_is_entry": True, "subgroups": ["clinic"]}
    found = crossval.run(survival_table.read(path, Spec.model_validate(spec | more)))
    assert [one.design for one in found.judged] == ["folds", "site", "split"]
    assert all(_value(one, "harrell_c") > 0.65 for one in found.judged)
    assert _value(found.judged[2], "n_events") < _value(found.judged[0], "n_events")
    assert all(figures is None for figures in found.judged[0].subgroups.values())  # fewer than 100 events each
    assert found.sample_size["parameters"] == 3


def _value(judged: Any, name: str) -> float:
    return next(one.value for one in judged.metrics if one.name == name)


def test_what_cannot_be_evaluated_is_refused(small: tuple[Path, dict[str, Any]]) -> None:
    path, spec = small
    cases = (
        ({"time": "weeks"}, "no column 'weeks'"),
        ({"where": "x > 100"}, "no row"),
        ({"where": "not dead"}, "nobody has the event"),
        ({"derive": {"y": "x +"}}, "expression"),
        ({"derive": {"y": "(select count(*) from '/etc/passwd')"}}, "expression"),
        ({"event": "entry"}, "0 censored"),
        ({"horizons": [1e-6]}, "nobody has the event by 1e-06 months; the first has it at"),
        ({"features": ["x", "months"]}, "months is the outcome"),
        ({"features": ["x", "x"]}, "a feature twice: x"),
        ({"event": "clinic"}, "holds north, south, west; say what they mean with event_codes"),
        ({"event": "clinic", "event_codes": {"north": "event"}}, "holds south, west, which event_codes does not name"),
        ({"derive": {"one_two": "dead::int + 1"}, "event": "one_two"}, "always 1 or 2, and never 0"),
        ({"derive": {"day": "date '2020-01-01'"}, "time": "day"}, "is a date"),
        ({"derive": {"day": "date '2020-01-01'"}, "features": ["x", "day"]}, "day is a date; a feature is a number"),
        ({"derive": {"day": "date '2020-01-01'"}, "entry": "day"}, "both be dates or both be numbers"),
        ({"time": "colour"}, "must be numbers, and holds .*; a spec makes them under derive"),
        ({"derive": {"one": "1"}, "features": ["one"]}, "no feature varies"),
        ({"derive": {"few": "(row_number() over () <= 4)::int"}, "event": "few"}, "too few for 3 folds"),
        ({"equation": {"name": "pce", "inputs": {}}}, "no equation"),
    )
    for change, words in cases:
        with pytest.raises(BadCohort, match=words):
            crossval.run(survival_table.read(path, Spec.model_validate(spec | change)))


def _read(path: Path, **spec: Any) -> survival_table.Cohort:
    return survival_table.read(path, Spec.model_validate({"horizons": [365]} | spec))


def test_rows_of_start_and_stop_are_followed_to_the_end(shared_data: Path) -> None:
    # Crowley and Hu 1977: 103 candidates for a heart, 75 died, 69 were transplanted; the fourth waited 36 days for one
    # and died on day 39
    path = shared_data / "ml/cohorts/survival/heart.parquet"
    found = _read(
        path, person="id", entry="start", time="stop", event="event", features=["age", "surgery", "transplant"]
    )
    assert found.sample.columns[-1].name == "start"
    at_first = found.sample.values[:, -1] == 0
    assert (at_first.sum(), found.sample.event[at_first].sum(), (~at_first).sum()) == (103, 75, 69)
    assert len(np.unique(found.sample.person)) == 103
    rows = pd.read_parquet(path)
    fourth = (rows["id"] == 4).to_numpy()
    assert found.sample.time[fourth].tolist() == [39, 3]
    assert found.sample.event[fourth].tolist() == [1, 1]


def test_visits_with_the_same_end_stand_on_their_own(shared_data: Path) -> None:
    # Murtaugh 1994: 312 people, 140 of whom died and 29 were transplanted, 1,945 visits
    found = _read(
        shared_data / "ml/cohorts/survival/pbcseq.parquet",
        person="id",
        entry="day",
        time="futime",
        event="status",
        event_codes={0: "censored", 1: "competing", 2: "event"},
        features=["bili"],
    )
    first = np.unique(found.sample.person, return_index=True)[1]
    assert (found.rows, len(first)) == (1945, 312)
    assert np.bincount(found.sample.event[first]).tolist() == [143, 140, 29]


def test_late_entry_counts_from_entry(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "who": ["a", "a", "a", "b", "b", "c"],
            "from": ["2020-01-01", "2020-02-01", "2021-01-01", "2020-01-01", "2020-03-01", "2020-01-01"],
            "until": ["2020-01-31", "2020-06-01", "2021-02-01", "2020-02-01", "2020-04-01", "2020-01-01"],
            "state": ["well", "Ill", "ill", "ill", "well", "well"],
            "x": [1.0, 2, 3, 4, 5, 6],
        }
    )
    rows.to_csv(path := tmp_path / "rows.csv", index=False)
    found = _read(
        path,
        person="who",
        entry="from",
        time="until",
        event="state",
        event_codes={"well": 0, "ill": "event"},
        features=["x"],
        time_unit="years",
    )
    # the second row of a continues the first a day later, the third comes after a gap; b's second row after the event
    assert found.sample.time.tolist() == [152, 121, 31, 31, 31]
    assert found.sample.event.tolist() == [1, 1, 1, 1, 0]
    assert found.dropped == {"no follow-up (until not after from)": 1}
    assert [one.name for one in found.sample.columns] == ["x"]


def test_a_horizon_beyond_all_follow_up_is_judged_where_it_ends(small: tuple[Path, dict[str, Any]]) -> None:
    path, spec = small
    more = {"horizons": [5000], "where": "months < 60", "derive": {"age": "if(x > 1, null, 50 + x)"}, "age": "age"}
    found = crossval.run(survival_table.read(path, Spec.model_validate(spec | more)), censoring=False)
    assert found.judged[0].assessed_days < 60 * 31
    assert all(np.isfinite(_value(found.judged[0], name)) for name in ("auc", "brier", "slope"))


def _twin(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.stdout, done.stderr


def test_twin_ml_evaluate(small: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path, spec = small
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec))
    arguments = ("ml", "evaluate", "--cohort", str(path), "--spec", str(tmp_path / "spec.yaml"))
    status, out, _ = _twin(*arguments, "--json")
    found = json.loads(out)
    assert status == 0
    assert found["n_people"] == 600
    assert found["judged"][0]["model"] == "cox"
    status, out, _ = _twin(*arguments)
    assert "C of a model of censoring" in out
    (tmp_path / "spec.yaml").write_text("time: t\nhorizonz: [1]\nweights: e\n")
    status, _, err = _twin(*arguments)
    assert status == 1
    for told in ("spec.yaml", "horizonz: there is no such field; horizons?", "weights: people are not weighted"):
        assert told in err
    assert _twin("ml", "evaluate", "--cohort", str(path), "--spec", "nothing")[0] == 1


def test_twin_ml_metrics_equals_risk_regression(shared_data: Path) -> None:
    # riskRegression Score() at 10 years, survival's concordance (reference H16)
    path = shared_data / "ml/oracles/framingham_cox_pred10.csv"
    status, out, _ = _twin("ml", "metrics", str(path), "--risk", "pred10", "--at", "10", "--bootstrap", "20", "--json")
    (found,) = json.loads(out)
    figures = {one["name"]: one for one in found["metrics"]["pred10"]}
    assert status == 0
    expected = {
        "auc": 0.7847646,
        "brier": 0.0727932,
        "brier_null": 0.0814388,
        "harrell_c": 0.7421614,
        "uno_c": 0.7387302,
    }
    for name, value in expected.items():
        assert figures[name]["value"] == pytest.approx(value, abs=1e-4), name
        assert name == "brier_null" or figures[name]["lower"] < value < figures[name]["upper"]
    assert len(found["calibration"]["pred10"]) > 5
    assert found["decision"]["pred10"]


def test_twin_ml_metrics_says_what_is_wrong(tmp_path: Path) -> None:
    good = {"time": [1.0, 2, 3, 4], "event": [1, 0, 1, 0], "risk": [0.4, 0.1, 0.3, 0.2]}
    cases = (
        ({"risk": [40, 10, 30, 20]}, "percent"),
        ({"event": [0, 0, 0, 0]}, "nobody has the event"),
        ({"event": [1, 0, 3, 0]}, "0 censored"),
        ({"risk": [None] * 4}, "no row has a predicted risk"),
        ({"time": [-1, 0, 0, 0]}, "nobody is left"),
        ({"risk": ["low"] * 4}, "must be numbers"),
    )
    for change, words in cases:
        pd.DataFrame(good | change).to_csv(tmp_path / "p.csv", index=False)
        status, _, err = _twin("ml", "metrics", str(tmp_path / "p.csv"))
        assert (status, words in err) == (1, True), err
    pd.DataFrame(good | {"event": [1] * 4}).to_csv(tmp_path / "p.csv", index=False)
    status, out, _ = _twin("ml", "metrics", str(tmp_path / "p.csv"), "--bootstrap", "0", "--json")
    assert (status, json.loads(out)[0]["at"]) == (0, 4.0)  # nobody is censored: everyone's status is known at the end
    pd.DataFrame(good | {"event": [2, 1, 2, 1]}).to_csv(tmp_path / "p.csv", index=False)
    assert "always 1 or 2" in _twin("ml", "metrics", str(tmp_path / "p.csv"))[2]
    meant = ("--event-code", "1=censored", "--event-code", "2=event", "--bootstrap", "0", "--json")
    assert json.loads(_twin("ml", "metrics", str(tmp_path / "p.csv"), *meant)[1])[0]["n_events"] == 2
    assert _twin("ml", "metrics", str(tmp_path / "p.csv"), "--event-code", "2=dead")[0] == 2
    pd.DataFrame(good).rename(columns={"risk": "q"}).to_csv(tmp_path / "p.csv", index=False)
    assert "--risk" in _twin("ml", "metrics", str(tmp_path / "p.csv"))[2]
    pd.DataFrame(good | {"time": [1.0, 2, None, 4]}).to_csv(tmp_path / "p.csv", index=False)
    status, out, _ = _twin("ml", "metrics", str(tmp_path / "p.csv"), "--at", "3", "--bootstrap", "0", "--json")
    assert json.loads(out)[0]["dropped"] == {"time or event unknown": 1}
    assert _twin("ml", "metrics", str(tmp_path / "p.csv"), "--threshold", "7")[0] == 2


def test_two_predictions_are_compared(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    true = random.beta(2, 6, 800)
    happened = random.random(800) < true
    rows = {"time": np.where(happened, random.uniform(0, 1, 800), 1.0), "event": happened.astype(int)}
    noisy = np.clip(true + random.normal(0, 0.3, 800), 0.01, 0.99)
    pd.DataFrame(rows | {"good": true, "bad": noisy, "sex": np.tile(["f", "m"], 400)}).to_csv(
        tmp_path / "p.csv", index=False
    )
    arguments = (
        "--risk",
        "good",
        "--risk",
        "bad",
        "--at",
        "1",
        "--bootstrap",
        "0",
        "--subgroup",
        "sex",
        "--min-events",
        "50",
    )
    status, out, _ = _twin("ml", "metrics", str(tmp_path / "p.csv"), *arguments, "--json")
    (found,) = json.loads(out)
    assert status == 0
    (comparison,) = found["comparisons"]
    assert comparison["c_difference"] < -3 * comparison["standard_error"]
    assert set(found["subgroups"]["good"]) == {"sex=f", "sex=m"}


def test_competing_margins_of_cox_follow_age() -> None:
    random = np.random.default_rng(6)
    age = random.uniform(40, 90, 3000)
    dying = random.exponential(1 / (0.02 * np.exp(0.09 * (age - 60))))
    time, event = np.minimum(dying, 10), np.where(dying < 10, 2, 0)
    event[:50] = np.where(event[:50] == 0, 1, event[:50])
    columns = (Column(name="age_years", label="Age", unit="a", family="demographics", group="Age", monotone=1),)
    made = fit(
        ModelSpec(name="cox", kind="cox"),
        None,
        Sample(columns, age[:, None], time, event, np.arange(3000)),
        np.linspace(0, 10, 6),
    )
    from ml.models.fitted import margins

    found = discrete.cumulative_incidence(margins(made, np.array([[50.0], [80.0]])), made.cuts, 10)[1]
    expected = 1 - np.exp(-10 * 0.02 * np.exp(0.09 * (np.array([50, 80]) - 60)))
    np.testing.assert_allclose(found, expected, atol=0.05)

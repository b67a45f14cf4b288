"""Watching a served model: planted drift is named, noise is not; given scores are held against what happened since."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import chi2_contingency

from lake import derived
from lake.settings import Settings
from ml import cohort, core, drift, equations_now, maturity, monitor, tables
from ml import task as tasks
from ml.drift import Signal
from ml.features.spec import load_set
from ml.recalibrate import _fit, _held_out
from ml.task import Monitoring
from tests.ml.core_fixture import write_core

TASK = "t2d_5y"
NAMES = ["age", "hba1c", "statin"]


def _people(n: int, seed: int, **moved: Any) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = np.column_stack([random.normal(60, 9, n), random.normal(5.6, 0.4, n), random.integers(0, 2, n)]).astype(
        float
    )
    values[random.random(n) < moved.get("missing", 0.1), 1] = np.nan
    values[:, 1] += moved.get("hba1c", 0.0)
    return values


def _compared(now: np.ndarray, risk: np.ndarray | None = None) -> dict[tuple[str, str], Signal]:
    before = _people(2000, 1)
    random = np.random.default_rng(2)
    profile = drift.profile(NAMES, before, random.beta(2, 18, 2000), (0.1,))
    risk = random.beta(2, 18, len(now)) if risk is None else risk
    return {(one.kind, one.name): one for one in drift.compare(profile, NAMES, now, risk, Monitoring())}


def test_the_index_is_the_published_formula() -> None:
    # sum of (actual - expected) ln(actual / expected): .1 ln 1.2 - .1 ln .8
    assert drift.psi(np.array([50.0, 50.0]), np.array([60.0, 40.0])) == pytest.approx(
        0.1 * np.log(1.2) - 0.1 * np.log(0.8)
    )


def test_its_test_agrees_with_chi_square_of_the_table() -> None:
    # PSI / (1/n + 1/m) and Pearson's statistic are asymptotically the same; the latter comes from scipy
    before, now = np.array([400.0, 610.0, 505.0, 485.0]), np.array([820.0, 1190.0, 1040.0, 950.0])
    ours = drift.psi(before, now) / (1 / before.sum() + 1 / now.sum())
    assert ours == pytest.approx(chi2_contingency(np.stack([before, now])).statistic, rel=0.01)


def test_noise_is_no_drift() -> None:
    raised = [one.status for seed in range(30) for one in _compared(_people(150, 100 + seed)).values()]
    assert raised.count("ok") >= len(raised) - 1


def test_planted_drift_is_named_and_nothing_else() -> None:
    found = _compared(_people(600, 3, hba1c=0.4, missing=0.35))
    assert {key for key, one in found.items() if one.status == "alarm"} == {("feature", "hba1c"), ("missing", "hba1c")}
    assert found["missing", "hba1c"].statistic == pytest.approx(0.25, abs=0.05)
    doubled = _compared(_people(600, 4), np.random.default_rng(5).beta(4, 16, 600))
    assert {key for key, one in doubled.items() if one.status != "ok"} == {("score", "risk"), ("volume", "0.1")}


def test_few_people_say_nothing() -> None:
    assert {one.status for one in _compared(_people(20, 6, hba1c=3)).values()} == {"insufficient"}


def test_a_profile_holds_no_extreme_of_a_person() -> None:
    values = _people(500, 7)
    values[0, 0] = 119.0
    edges = drift.profile(NAMES, values, np.full(500, 0.1), ())["features"]["age"]["edges"]
    assert max(edges) < np.quantile(values[:, 0], 0.95)


def test_what_signals_call_for() -> None:
    task = tasks.load(TASK)
    score = Signal("score", "risk", 500, 500, "alarm", statistic=0.4)
    level = Signal("calibration", "365 d", 500, 60, "alarm", statistic=1.6, lower=1.3, upper=2.0)
    assert monitor.decide(task, [level]).action == "recalibrate"
    assert monitor.decide(task, [score, level]).action == "train"
    some = [Signal("feature", f"f{i}", 500, 500, "alarm" if i < 2 else "ok") for i in range(20)]
    assert monitor.decide(task, some).action == "keep"
    assert (
        monitor.decide(task, [Signal("missing", f"f{i}", 500, 500, "alarm") for i in range(9)] + some).action == "train"
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("monitor") / "home", threads=1)
    write_core(settings, people=500, seed=9)
    return settings


def _history(settings: Settings, level: float) -> tuple[datetime, datetime]:
    """Scores of everyone, three years before the cutoff: each the observed risk by then, times ``level``."""
    task = tasks.load(TASK)
    connection = core.open_core(settings)
    try:
        cutoff = core.data_cutoff(connection)
        assert cutoff is not None
        scored_at = cutoff - timedelta(days=1100)
        cohort.build_since(connection, task, scored_at, cutoff)
        rows = connection.sql("select * from cohort where eligible").to_arrow_table().to_pylist()
    finally:
        connection.close()
    # the crude rate, counted here: events over years lived
    years = sum(row["followup_days"] for row in rows) / 365.2
    rate = sum(row["event_type"] == "event" for row in rows) / years
    curve = [level * (1 - np.exp(-rate * year)) for year in range(1, 6)]
    given = [
        {
            "task": TASK,
            "task_hash": task.hash,
            "person_id": row["person_id"],
            "as_of": scored_at,
            "horizon_days": task.horizon_days,
            "model_version": "1",
            "run_id": "r",
            "core_version": "c",
            "risk": curve[-1],
            "interval_days": 365.2,
            "risk_by_interval": curve,
            "scored_at": scored_at,
        }
        for row in rows
    ]
    derived.replace(settings, tables.SCORE_HISTORY, "planted", pa.Table.from_pylist(given, tables.SCORE_HISTORY.schema))
    return scored_at, cutoff


@pytest.mark.parametrize(("level", "status", "action"), [(1.0, "ok", "keep"), (0.4, "alarm", "recalibrate")])
def test_scores_are_held_against_what_happened_since(home: Settings, level: float, status: str, action: str) -> None:
    task = tasks.load(TASK)
    scored_at, cutoff = _history(home, level)
    found = {one.name: (detail, one) for detail, one in maturity.matured(home, task, cutoff)}
    assert set(found) == {"30 d", "90 d", "365 d"}  # five years are not over
    detail, year = found["365 d"]
    assert f"{scored_at:%Y-%m-%d}" in detail
    assert year.statistic == pytest.approx(1 / level, rel=0.45)
    longer = task.model_copy(update={"monitoring": Monitoring(after_days=(1096,), min_events=8)})
    [(_, three)] = maturity.matured(home, longer, cutoff)
    assert three.statistic == pytest.approx(1 / level, rel=0.12)
    assert three.lower < 1 / level < three.upper
    assert three.status == status
    assert monitor.decide(task, [three]).action == action


def test_recalibration_finds_the_level_and_is_judged_by_others() -> None:
    random = np.random.default_rng(11)
    margin = np.column_stack([random.normal(-3, 1, 40_000), np.full(40_000, -18.0)])
    # twice the odds of what the model said
    label = (random.random(40_000) < 1 / (1 + np.exp(-(np.log(2) + margin[:, 0])))).astype(np.int64)
    half = np.arange(40_000) < 20_000
    a, b = _fit(margin[half], label[half])
    assert a == pytest.approx(np.log(2), abs=0.12)
    assert b == pytest.approx(1, abs=0.06)
    assert _held_out(margin[~half], label[~half], a, b).status == "pass"
    assert _held_out(margin[~half], label[~half], -a, b).status == "fail"
    assert _held_out(margin[:20], np.zeros(20, np.int64), a, b).status == "insufficient"


def test_equations_speak_of_the_people_they_were_made_for(home: Settings) -> None:
    rows = equations_now.compute(home).to_pylist()
    assert {row["equation"] for row in rows} >= {"prevent_ascvd_10y", "framingham_offspring_t2d_8y", "ckd_epi_2021"}
    connection = core.open_core(home)
    try:
        ill = {
            one[0]
            for one in connection.execute(
                "select distinct person_id from twin_condition where concept = 'myocardial_infarction'"
            ).fetchall()
        }
        dead = {
            one[0]
            for one in connection.execute("select person_id from twin_person where death_date is not null").fetchall()
        }
    finally:
        connection.close()
    assert ill
    assert not ill & {row["person_id"] for row in rows if row["equation"] == "prevent_ascvd_10y"}
    assert not dead & {row["person_id"] for row in rows}
    for row in rows:
        listed = [one for one in row["defaulted_inputs"].split(",") if one]
        assert row["n_defaulted"] == len(listed) <= row["n_inputs"]
        assert row["result"] is None or row["unit"] != "1" or 0 <= row["result"] <= 1
    assert derived.read(home, tables.EQUATION_RISK).num_rows == len(rows)


def test_every_equation_over_the_cohort_is_fed_in_its_own_unit() -> None:
    uses = equations_now.declared()
    names = {column.name for column in load_set(uses.feature_set).columns}
    assert set(uses.inputs.values()) <= names
    assert {name for use in uses.equations for name in use.only} <= names

"""Each check of the leakage suite passes on the project's own features and catches a leak planted for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from lake import derived
from lake.settings import Settings
from ml import leakage, tables
from ml import task as tasks
from ml.dataset import Dataset, prepare
from ml.features import build as features
from ml.features import compile as compiled
from ml.features.spec import FeatureSet, load_set
from ml.leakage import Finding
from ml.models.fitted import Sample
from tests.ml.core_fixture import write_core

TASK = "t2d_5y"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("leaks") / "home", threads=1)
    write_core(settings, people=70, seed=5)
    return settings


@pytest.fixture(scope="module")
def data(home: Settings) -> Dataset:
    return prepare(home, tasks.load(TASK))


def _by_name(found: list[Finding]) -> dict[str, Finding]:
    return {one.name.split("_")[0]: one for one in found}


@pytest.fixture(scope="module")
def rebuilt(home: Settings) -> dict[str, Finding]:
    return _by_name(leakage.rebuilt(home, tasks.load(TASK)))


def test_the_projects_features_do_not_look_ahead(rebuilt: dict[str, Finding], data: Dataset) -> None:
    assert {name: one.status for name, one in rebuilt.items()} == dict.fromkeys(("L2", "L3", "L4", "L5"), "pass")
    assert leakage.as_of(data.design).status == "pass"
    assert leakage.no_person_twice(data).status == "pass"


def _planted(monkeypatch: Any, sql: Callable[[int], str]) -> int:
    """Let the first measurement feature come from a query that hides what it used behind an honest provenance."""
    feature_set = load_set(tasks.load(TASK).feature_set)
    number = [one.name for one in feature_set.columns].index("hba1c_last_5y")
    true = compiled.queries

    def leaky(wanted: FeatureSet) -> list[str]:
        return [*true(wanted), sql(number)]

    monkeypatch.setattr(compiled, "queries", leaky)
    return number


def _columns(finding: Finding) -> set[str]:
    return set(finding.columns)


def test_a_feature_from_the_future_is_named_though_its_provenance_lies(home: Settings, monkeypatch: Any) -> None:
    # the last value of all time, said to have been known at the index date: L1 cannot see it, L2 and L3 can
    _planted(
        monkeypatch,
        lambda number: (
            f"""
            select c.row_no, {number} as feature_no, max_by(m.value_std, m.known_at) as value,
                c.index_at as event_at, c.index_at as known_at
            from cohort as c inner join twin_measurement as m using (person_id)
            where c.eligible and m.concept = 'hba1c' group by all
        """
        ),
    )
    found = _by_name(leakage.rebuilt(home, tasks.load(TASK)))
    assert found["L2"].status == found["L3"].status == "fail"
    # only what was planted, and what is derived from it
    assert "hba1c_last_5y" in _columns(found["L2"])
    assert _columns(found["L2"]) <= {"hba1c_last_5y", "high_glucose"}
    assert _columns(found["L3"]) == _columns(found["L2"])


def test_a_late_result_taken_by_its_date_is_caught(home: Settings, monkeypatch: Any) -> None:
    # observed before the index date, known after it: the case of every laboratory that reports late
    _planted(
        monkeypatch,
        lambda number: (
            f"""
            select c.row_no, {number} as feature_no, max_by(m.value_std, m.event_at) as value,
                max(m.event_at) as event_at, max(m.event_at) as known_at
            from cohort as c inner join twin_measurement as m using (person_id)
            where c.eligible and m.concept = 'hba1c' and m.event_at <= c.index_at group by all
        """
        ),
    )
    found = _by_name(leakage.rebuilt(home, tasks.load(TASK)))
    assert found["L4"].status == "fail"
    assert "hba1c_last_5y" in _columns(found["L4"])


def test_a_feature_that_reads_the_label_is_caught(home: Settings, monkeypatch: Any) -> None:
    # the observation window depends on the outcome: nothing of the future of the facts, but the label itself
    _planted(
        monkeypatch,
        lambda number: (
            f"""
            select row_no, {number} as feature_no, case event_type when 'event' then 9.0 else 5.0 end as value,
                index_at as event_at, index_at as known_at
            from cohort where eligible
        """
        ),
    )
    found = _by_name(leakage.rebuilt(home, tasks.load(TASK)))
    assert found["L5"].status == "fail"
    assert "hba1c_last_5y" in _columns(found["L5"])


def test_a_value_known_too_late_is_caught(data: Dataset) -> None:
    known = data.design.known_at.copy()
    number = int(np.flatnonzero(~np.isnat(known[0]))[0])
    known[0, number] = data.design.index_at[0] + np.timedelta64(1, "s")
    found = leakage.as_of(replace(data.design, known_at=known))
    assert found.status == "fail"
    assert found.columns == (data.design.names[number],)


@pytest.fixture(scope="module")
def visits() -> tuple[Sample, np.ndarray, np.ndarray]:
    """120 people with four visits, features that identify them, half with the event; folds by person and by row."""
    from ml.features.spec import Column

    random = np.random.default_rng(8)
    people = np.repeat(np.arange(120), 4)
    values = random.normal(size=(120, 6))[people] + random.normal(0, 0.01, (480, 6))
    columns = tuple(Column(name=f"x{i}", label="x", unit="1", family="ehr", group="x", monotone=0) for i in range(6))
    event = (np.arange(120) % 2)[people]
    sample = Sample(columns, values, np.full(480, 1000.0), event, people)
    return sample, people % 4, np.tile(np.arange(4), 120)


def test_shuffled_labels_are_at_chance_and_a_peeking_model_is_not(
    visits: tuple[Sample, np.ndarray, np.ndarray],
) -> None:
    sample, by_person, _ = visits
    assert leakage.shuffled_labels(sample, by_person).status == "pass"

    # a model that chose its feature on everyone's labels, the held-out ones too
    def peeking(mixed: Sample, _: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(0).normal(size=(len(mixed.event), 200))
        best = np.argmax(np.abs(np.corrcoef(noise.T, mixed.event)[-1, :-1]))
        return noise[:, best] * np.sign(np.corrcoef(noise[:, best], mixed.event)[0, 1])

    assert leakage.shuffled_labels(sample, by_person, predict=peeking).status == "fail"


def test_a_drawn_outcome_is_predicted_only_where_a_split_divides_people(
    visits: tuple[Sample, np.ndarray, np.ndarray],
) -> None:
    sample, by_person, by_row = visits
    assert leakage.negative_control(sample, by_person).status == "pass"
    assert leakage.negative_control(sample, by_row).status == "fail"


def test_a_feature_too_good_alone_goes_to_quarantine(visits: tuple[Sample, np.ndarray, np.ndarray]) -> None:
    sample = visits[0]
    first = np.tile([True, False, False, False], 120)
    assert leakage.too_good_alone(sample, first).status == "pass"
    values = sample.values.copy()
    values[:, 4] = np.where(np.arange(480) % 17 == 0, 0.5, sample.event)  # the outcome, a little blurred
    found = leakage.too_good_alone(replace(sample, values=values), first)
    assert found.status == "fail"
    assert found.columns == ("x4",)
    assert leakage.too_good_alone(sample, first, np.array([1.0, 1, 1, 20, 1, 1])).columns == ("x3",)


def test_a_person_in_two_folds_is_caught(data: Dataset) -> None:
    fold = data.fold.copy()
    rows = np.flatnonzero(~data.is_test)
    person = data.sample.person[rows]
    several = next(one for one in np.unique(person) if (person == one).sum() > 1)
    fold[rows[person == several][0]] += 1
    assert leakage.no_person_twice(replace(data, fold=fold)).status == "fail"


def test_a_label_from_beyond_the_limit_is_caught(data: Dataset) -> None:
    limit = np.datetime64(data.cutoff, "us")
    assert leakage.labels_end(data.sample.time, data.design.index_at, limit).status == "pass"
    earlier = limit - np.timedelta64(400, "D")
    assert leakage.labels_end(data.sample.time, data.design.index_at, earlier).status == "fail"


def test_scores_of_a_past_day_are_computed_again_and_a_changed_past_is_caught(home: Settings, data: Dataset) -> None:
    task = tasks.load(TASK)
    assert leakage.time_machine(home, task).status == "insufficient"
    at = data.cutoff - timedelta(days=200)
    rows = _latest(home, at)
    derived.replace(home, tables.FEATURE_VALUE_LATEST, task.name, rows)
    assert leakage.time_machine(home, task).status == "pass"
    path = home.core / "twin_measurement.parquet"
    kept = pq.read_table(path)
    try:
        values = kept.column("value_std").to_numpy() * 1.01  # an update in place: the past was rewritten
        pq.write_table(kept.set_column(kept.column_names.index("value_std"), "value_std", [values]), path)
        found = leakage.time_machine(home, task)
        assert found.status == "fail"
        assert "hba1c_last_5y" in found.columns
    finally:
        pq.write_table(kept, path)


def _latest(home: Settings, at: Any) -> Any:
    from ml import cohort, core
    from ml.score import latest

    task = tasks.load(TASK)
    connection = core.open_core(home)
    try:
        cohort.build_for_scoring(connection, task, at)
        return latest(task, features.build(connection, load_set(task.feature_set)))
    finally:
        connection.close()

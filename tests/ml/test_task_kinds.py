"""Tasks that are not a first diagnosis at a scheduled date: stays, deaths, results, one sex, people with a disease."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from ml import cohort
from ml import task as tasks
from ml.task import Task
from tests.ml.test_cohort_and_features import _add, _at, _condition, _measured, _person, _rows, connection

__all__ = ["connection"]
CUTOFF = datetime(2026, 7, 1)


def _stay(connection: Any, person: str, start: datetime, end: datetime, known: datetime | None = None) -> None:
    _add(
        connection,
        "twin_encounter",
        person_id=person,
        encounter_class="IMP",
        event_at=start,
        event_end_at=end,
        known_at=known or end,
        op="insert",
    )


def _all(connection: Any, task: Task) -> dict[tuple[str, datetime], dict[str, Any]]:
    cohort.build(connection, task, CUTOFF)
    rows = connection.sql("select * from cohort").to_arrow_table().to_pylist()
    return {(row["person_id"], row["index_at"]): row for row in rows}


def test_a_readmission_is_the_next_stay_within_thirty_days_of_leaving(connection: Any) -> None:
    for person in "ABC":
        _person(connection, person)
    _stay(connection, "A", _at(2018, 3, 1), _at(2018, 3, 5))
    _stay(connection, "A", _at(2018, 3, 20), _at(2018, 3, 22))  # 15 days later
    _stay(connection, "B", _at(2018, 3, 1), _at(2018, 3, 5))
    _stay(connection, "B", _at(2018, 5, 1), _at(2018, 5, 2))  # too late
    _stay(connection, "C", _at(2018, 3, 1), _at(2018, 3, 5), known=_at(2018, 3, 9))  # the letter came later
    rows = _all(connection, tasks.load("readmission_30d"))
    first = rows["A", _at(2018, 3, 5)]
    assert (first["event_type"], first["followup_days"]) == ("event", 15)
    assert rows["A", _at(2018, 3, 22)]["event_type"] == "none"
    assert rows["B", _at(2018, 3, 5)]["event_type"] == "none"
    assert rows["B", _at(2018, 3, 5)]["followup_days"] == 30
    assert ("C", _at(2018, 3, 9)) in rows
    assert ("C", _at(2018, 3, 5)) not in rows


def test_scoring_readmission_looks_at_who_left_lately(connection: Any) -> None:
    for person in "AB":
        _person(connection, person)
    _stay(connection, "A", _at(2026, 6, 10), _at(2026, 6, 15))
    _stay(connection, "B", _at(2025, 6, 10), _at(2025, 6, 15))
    cohort.build_for_scoring(connection, tasks.load("readmission_30d"), CUTOFF)
    assert connection.sql("select person_id, index_at from cohort where eligible").fetchall() == [("A", CUTOFF)]


def test_death_is_the_event_and_nothing_competes(connection: Any) -> None:
    _person(connection, "A", death_date=date(2018, 12, 1), last_observed_at=_at(2018, 11, 1))
    _person(connection, "B")
    rows = _rows(connection, tasks.load("mortality_1y"))
    assert rows["A", 2018]["event_type"] == "event"
    assert rows["A", 2017]["event_type"] == "none"
    assert rows["A", 2019]["ineligible_reason"] == "died_before_index"
    assert {row["event_type"] for (who, _), row in rows.items() if who == "B"} <= {"none", None}


def test_kidney_failure_is_a_result_and_only_people_with_the_disease_are_at_risk(connection: Any) -> None:
    for person in "ABC":
        _person(connection, person)
    for person in "AB":
        _condition(connection, person, "chronic_kidney_disease", _at(2016, 1))
    _measured(connection, "A", "egfr", 14.0, _at(2019, 1))
    _measured(connection, "A", "egfr", 40.0, _at(2017, 1))
    _measured(connection, "B", "egfr", 12.0, _at(2017, 1))  # has it already
    rows = _rows(connection, tasks.load("ckd_progression_2y"))
    assert rows["A", 2018]["event_type"] == "event"
    assert rows["A", 2018]["event_at"] == _at(2019, 1)
    assert rows["A", 2019]["ineligible_reason"] == "prior_outcome"
    assert rows["B", 2018]["ineligible_reason"] == "prior_outcome"
    assert rows["C", 2018]["ineligible_reason"] == "not_the_population"


def test_breast_cancer_is_asked_of_women_only(connection: Any) -> None:
    _person(connection, "A")
    _person(connection, "B", sex="male")
    rows = _rows(connection, tasks.load("breast_cancer_5y"))
    assert rows["A", 2018]["eligible"]
    assert rows["B", 2018]["ineligible_reason"] == "other_sex"


def test_twelve_tasks_are_shipped_and_builds_train_two(monkeypatch: Any) -> None:
    assert len({name.rsplit("_", 1)[0] for name in tasks.names()}) == 12
    assert tasks.built() == ["ascvd_10y", "t2d_5y"]
    monkeypatch.setenv("TWIN_TASKS", "stroke_10y, t2d_5y")
    assert tasks.built() == ["stroke_10y", "t2d_5y"]
    monkeypatch.setenv("TWIN_TASKS", "all")
    assert tasks.built() == tasks.names()
    monkeypatch.setenv("TWIN_TASKS", "strok")
    with pytest.raises(KeyError, match="strok"):
        tasks.built()


def test_an_impossible_task_is_refused() -> None:
    good = tasks.load("mortality_1y").model_dump()
    for change, words in (
        ({"outcome": {"phenotype": "nothing"}}, "an outcome is"),
        ({"competing": "death"}, "death competes"),
        ({"equations": []}, "need an equation"),
    ):
        with pytest.raises(ValidationError, match=words):
            Task.model_validate(good | change)

"""Cohorts and as-of features on hand-made facts: every expectation follows from the rows written in the test."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pytest

from lake.settings import Settings
from ml import cohort, core
from ml import task as tasks
from ml.features import build as features
from ml.features.spec import FeatureSet, load_set
from ml.task import Task

CUTOFF = datetime(2026, 7, 1)
INDEX = datetime(2018, 7, 1)


def _at(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day)


@pytest.fixture
def connection() -> Any:
    """Core views as empty tables that a test fills."""
    opened = duckdb.connect(":memory:")
    opened.execute("set timezone = 'UTC'")
    for name, columns in core.CORE_COLUMNS.items():
        opened.execute(f"create table {name} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
    yield opened
    opened.close()


def _add(connection: Any, name: str, **values: object) -> None:
    columns = ", ".join(values)
    marks = ", ".join(f"${one}" for one in values)
    connection.execute(f"insert into {name} ({columns}) values ({marks})", values)


def _person(connection: Any, person: str, **values: object) -> None:
    known: dict[str, object] = {
        "birth_date": date(1960, 7, 1),
        "sex": "female",
        "last_observed_at": CUTOFF,
    }
    _add(connection, "twin_person", person_id=person, **(known | values))
    for year in range(2014, 2027):
        _add(connection, "twin_encounter", person_id=person, event_at=_at(year), known_at=_at(year), op="insert")


def _condition(connection: Any, person: str, concept: str, event_at: datetime, **values: object) -> None:
    known: dict[str, object] = {"known_at": event_at, "op": "insert"}
    _add(connection, "twin_condition", person_id=person, concept=concept, event_at=event_at, **(known | values))


def _measured(connection: Any, person: str, concept: str, value: float, event_at: datetime, **values: object) -> None:
    known: dict[str, object] = {"known_at": event_at, "op": "insert", "unit_std": ""}
    _add(
        connection,
        "twin_measurement",
        person_id=person,
        concept=concept,
        value_std=value,
        event_at=event_at,
        **(known | values),
    )


def _rows(connection: Any, task: Task) -> dict[tuple[str, int], dict[str, Any]]:
    cohort.build(connection, task, CUTOFF)
    table = connection.sql("select * from cohort").to_arrow_table().to_pylist()
    return {(row["person_id"], row["index_at"].year): row for row in table}


def test_event_death_and_censoring_end_follow_up_whichever_is_first(connection: Any) -> None:
    _person(connection, "event")
    _condition(connection, "event", "type_2_diabetes", _at(2019, 3, 1))
    _person(connection, "dead", death_date=date(2020, 1, 15))
    _person(connection, "lost", last_observed_at=_at(2019, 1, 1))
    _person(connection, "whole")
    rows = _rows(connection, tasks.load("t2d_5y"))
    assert [rows[p, 2018]["event_type"] for p in ("event", "dead", "lost", "whole")] == [
        "event",
        "competing",
        "none",
        "none",
    ]
    assert rows["event", 2018]["exit_at"] == _at(2019, 3, 1)
    assert rows["dead", 2018]["exit_at"] == _at(2020, 1, 15)
    assert rows["lost", 2018]["exit_at"] == _at(2019, 1, 1)
    assert rows["whole", 2018]["followup_days"] == 1826
    assert rows["whole", 2024]["followup_days"] == (CUTOFF - _at(2024, 7, 1)).days  # full time is never required


def test_a_death_after_the_last_contact_is_a_death_unless_long_after(connection: Any) -> None:
    _person(connection, "soon", death_date=date(2020, 1, 15), last_observed_at=_at(2019, 12, 1))
    _person(connection, "long", death_date=date(2023, 6, 1), last_observed_at=_at(2019, 12, 1))
    rows = _rows(connection, tasks.load("t2d_5y"))
    assert (rows["soon", 2018]["event_type"], rows["soon", 2018]["exit_at"]) == ("competing", _at(2020, 1, 15))
    assert (rows["long", 2018]["event_type"], rows["long", 2018]["exit_at"]) == ("none", _at(2019, 12, 1))


def test_who_is_not_eligible_has_the_first_reason(connection: Any) -> None:
    _person(connection, "young", birth_date=date(2000, 1, 1))
    _person(connection, "nameless", sex="unknown")
    _person(connection, "prior")
    _condition(connection, "prior", "type_2_diabetes", _at(2015))
    _person(connection, "late")
    _condition(connection, "late", "type_2_diabetes", _at(2015), known_at=_at(2020))
    _add(
        connection, "twin_person", person_id="unseen", birth_date=date(1960, 1, 1), sex="male", last_observed_at=CUTOFF
    )
    _measured(connection, "unseen", "hba1c", 5.5, _at(2018))  # laboratory results alone do not make outcomes visible
    rows = _rows(connection, tasks.load("t2d_5y"))
    assert {p: rows[p, 2018]["ineligible_reason"] for p in ("young", "nameless", "prior", "late", "unseen")} == {
        "young": "age_out_of_range",
        "nameless": "unknown_birth_date_or_sex",
        "prior": "prior_outcome",
        "late": "onset_before_index_recorded_later",
        "unseen": "not_observed_in_lookback",
    }
    assert rows["late", 2020]["ineligible_reason"] == "prior_outcome"  # by then it was known


def test_a_retracted_diagnosis_is_no_outcome_but_excluded_while_it_was_believed(connection: Any) -> None:
    _person(connection, "p")
    _condition(connection, "p", "type_2_diabetes", _at(2017), superseded_at=_at(2019))
    _condition(connection, "p", "type_2_diabetes", _at(2017), known_at=_at(2019), op="retract")
    rows = _rows(connection, tasks.load("t2d_5y"))
    assert rows["p", 2018]["ineligible_reason"] == "prior_outcome"
    assert rows["p", 2019]["eligible"]
    assert rows["p", 2016]["event_type"] == "none"


def test_attrition_ends_at_the_eligible_rows(connection: Any) -> None:
    for number in range(5):
        _person(connection, f"p{number}")
    _condition(connection, "p0", "type_2_diabetes", _at(2015))
    task = tasks.load("t2d_5y")
    rows = _rows(connection, task)
    left = cohort.attrition(connection, task).to_pylist()
    assert left[0]["n"] == len(rows)
    assert left[-1]["n"] == sum(row["eligible"] for row in rows.values())
    assert [row["n"] for row in left] == sorted((row["n"] for row in left), reverse=True)


def test_the_same_people_are_held_out_in_every_task(connection: Any) -> None:
    for number in range(60):
        _person(connection, f"p{number}")
    splits = []
    for name in ("ascvd_10y", "dementia_5y", "mortality_1y", "t2d_5y"):
        rows = _rows(connection, tasks.load(name))
        splits.append({person: row["split"] for (person, _), row in rows.items()})
    assert all(split == splits[0] for split in splits)
    assert set(splits[0].values()) == {"train", "test"}


def _design(connection: Any, declared: list[dict[str, Any]]) -> features.Design:
    cohort.build_for_scoring(connection, tasks.load("t2d_5y"), INDEX)
    age = {"kind": "demographic", "field": "age_years", "label": "Age"}
    chosen = FeatureSet.model_validate({"name": "t", "version": 1, "features": [age, *declared]})
    return features.build(connection, chosen)


def _features(connection: Any, declared: list[dict[str, Any]]) -> dict[str, float]:
    design = _design(connection, declared)
    assert len(design.person_id) == 1
    return dict(zip(design.names, design.values[0], strict=True))


HBA1C = {
    "kind": "measurement",
    "concept": "hba1c",
    "unit": "%",
    "label": "HbA1c",
    "stats": {
        "last": [1826],
        "mean": [1826, 365],
        "min": [1826],
        "max": [1826],
        "slope": [1826],
        "count": [365],
        "days_since": [1826],
    },
}


def test_measurement_statistics_by_hand(connection: Any) -> None:
    _person(connection, "p")
    for event_at, value in ((_at(2010), 9.0), (_at(2016, 7, 1), 5.0), (_at(2017, 7, 1), 6.0), (_at(2018, 6, 30), 7.0)):
        _measured(connection, "p", "hba1c", value, event_at)
    found = _features(connection, [HBA1C])
    assert found["hba1c_last_5y"] == 7
    assert found["hba1c_mean_5y"] == 6
    assert found["hba1c_mean_1y"] == 7  # the window is (index - 365 days, index]
    assert (found["hba1c_min_5y"], found["hba1c_max_5y"]) == (5, 7)
    assert found["hba1c_slope_5y"] == pytest.approx(1.0, abs=0.01)  # 1 % per year
    assert found["hba1c_count_1y"] == 1
    assert found["hba1c_days_since_5y"] == 1


def test_different_conditions_known_at_the_index_date_are_counted_once_each(connection: Any) -> None:
    _person(connection, "p")
    declared = [
        {"kind": "condition_count", "name": "n", "label": "n"},
        {"kind": "condition_count", "name": "n_other", "label": "n", "without": ["obesity"]},
    ]
    assert _features(connection, declared)["n"] == 0
    for concept, year in (("obesity", 2012), ("obesity", 2016), ("hypertension", 2015), ("hyperlipidemia", 2019)):
        _condition(connection, "p", concept, _at(year))
    _condition(connection, "p", "atrial_fibrillation", _at(2017), known_at=_at(2018, 8, 1))
    found = _features(connection, declared)
    assert (found["n"], found["n_other"]) == (2, 1)


def test_nothing_measured_is_missing_never_zero_or_normal(connection: Any) -> None:
    _person(connection, "p")
    found = _features(connection, [HBA1C])
    assert all(np.isnan(value) for name, value in found.items() if name != "age_years")


def test_only_the_version_known_at_the_index_date_counts(connection: Any) -> None:
    _person(connection, "p")
    day = _at(2018, 5, 1)
    _measured(connection, "p", "hba1c", 5.0, day, superseded_at=_at(2018, 6, 1))
    _measured(connection, "p", "hba1c", 6.0, day, known_at=_at(2018, 6, 1), superseded_at=_at(2018, 8, 1), op="correct")
    _measured(connection, "p", "hba1c", 9.0, day, known_at=_at(2018, 8, 1), op="correct")  # corrected after the index
    _measured(connection, "p", "hba1c", 8.0, _at(2018, 6, 20), known_at=_at(2018, 7, 2))  # drawn before, known after
    _measured(connection, "p", "hba1c", 7.0, _at(2018, 6, 10), superseded_at=_at(2018, 6, 15))
    _measured(connection, "p", "hba1c", 7.0, _at(2018, 6, 10), known_at=_at(2018, 6, 15), op="retract")
    _measured(connection, "p", "hba1c", 14.9, _at(2018, 6, 29), quality_flags="implausible")
    assert _features(connection, [HBA1C])["hba1c_last_5y"] == 6


def test_coded_answers_become_numbers_by_the_declared_map(connection: Any) -> None:
    _person(connection, "p")
    smoking = {
        "kind": "measurement",
        "concept": "smoking_status",
        "unit": "1",
        "label": "s",
        "stats": {"last": [1826]},
        "map": {"current": 1, "8517006": 0},
    }
    _measured(connection, "p", "smoking_status", None, _at(2017), value_text="Current")  # type: ignore[arg-type]
    assert _features(connection, [smoking])["smoking_status_last_5y"] == 1
    _measured(connection, "p", "smoking_status", None, _at(2018), value_code="8517006")  # type: ignore[arg-type]
    assert _features(connection, [smoking])["smoking_status_last_5y"] == 0


def test_flags_are_missing_without_contact_and_zero_with_it(connection: Any) -> None:
    statin = {"kind": "medication", "name": "statin", "concepts": ["atorvastatin"], "days": 365, "label": "s"}
    family = {"kind": "family_history", "name": "t2d", "concepts": ["type_2_diabetes"], "label": "f"}
    _person(connection, "p")
    found = _features(connection, [statin, family])
    assert found["statin_1y"] == 0
    assert np.isnan(found["family_t2d"])  # nobody asked about the family
    order = {"person_id": "p", "concept": "atorvastatin", "known_at": _at(2015), "op": "insert"}
    _add(connection, "twin_medication", event_at=_at(2015), event_end_at=_at(2018, 3, 1), **order)
    _add(connection, "twin_family_history", person_id="p", concept="dementia", known_at=_at(2015), op="insert")
    found = _features(connection, [statin, family])
    assert found["statin_1y"] == 1  # ordered long ago, running within the year
    assert found["family_t2d"] == 0


def test_wearable_days_need_enough_worn_days_and_exclude_the_unfinished_day(connection: Any) -> None:
    _person(connection, "p")
    steps = {
        "kind": "wearable",
        "column": "steps",
        "unit": "/d",
        "label": "s",
        "stats": {"mean": [365]},
        "min_days": 3,
    }

    def worn(day: date, value: float, known_at: datetime) -> None:
        _add(connection, "twin_wearable_day", person_id="p", local_date=day, steps=value, known_at=known_at)

    for day, value in ((date(2018, 6, 29), 1000.0), (date(2018, 6, 30), 3000.0), (date(2018, 7, 1), 99999.0)):
        worn(day, value, _at(2018, 6, 30))
    assert np.isnan(_features(connection, [steps])["steps_day_mean_1y"])
    _add(
        connection,
        "twin_wearable_day",
        person_id="p",
        local_date=date(2018, 6, 28),
        steps=2000.0,
        known_at=_at(2018, 6, 29),
    )
    _add(
        connection,
        "twin_wearable_day",
        person_id="p",
        local_date=date(2018, 6, 27),
        steps=9e9,
        known_at=_at(2018, 7, 2),
    )
    assert _features(connection, [steps])["steps_day_mean_1y"] == 2000


def test_air_is_that_of_where_a_person_lived_on_each_day(connection: Any) -> None:
    for name in ("p", "homeless"):
        _person(connection, name)
    # INDEX is 2018-07-01: the move to the bad air of c comes after it
    moves = (("a", date(1900, 1, 1)), ("b", date(2018, 6, 22)), ("c", date(2018, 7, 1)))
    ends = (*(since for _, since in moves[1:]), None)
    for (region, since), until in zip(moves, ends, strict=True):
        _add(connection, "twin_person_home", person_id="p", region_id=region, valid_from=since, valid_to=until)
    for region, level in (("a", 10.0), ("b", 40.0), ("c", 999.0)):
        for day in range(60):
            value = None if (region, day) == ("b", 31) else level
            when = date(2018, 5, 30) + timedelta(days=day)
            _add(connection, "environment_day", region_id=region, date=when, pm2_5=value)
    air = {"kind": "environment", "parameter": "pm2_5", "unit": "ug/m3", "label": "Air", "days": [30, 365]}
    design = _design(connection, [air | {"min_days": 29}])
    assert list(design.person_id) == ["homeless", "p"]
    found = design.values[:, [design.names.index(name) for name in ("pm2_5_mean_30d", "pm2_5_mean_1y")]]
    assert np.isnan(found[0]).all()
    # 30 days: 21 in a, 9 in b without its last, 30 June; a year: 23 in a
    assert found[1] == pytest.approx([(21 * 10 + 8 * 40) / 29, (23 * 10 + 8 * 40) / 31])
    assert design.known_at[1, design.names.index("pm2_5_mean_30d")] == np.datetime64("2018-06-30", "us")
    assert np.isnan(_design(connection, [air | {"min_days": 30}]).values[1, -2])


def test_a_leak_is_found_by_name(connection: Any) -> None:
    _person(connection, "p")
    _measured(connection, "p", "hba1c", 5.0, _at(2018))
    task = tasks.load("t2d_5y")
    cohort.build_for_scoring(connection, task, INDEX)
    design = features.build(connection, load_set(task.feature_set))
    assert features.leak_check(design) == {}
    design.known_at[0, design.names.index("hba1c_last_5y")] = np.datetime64("2018-07-02", "us")
    assert features.leak_check(design) == {"hba1c_last_5y": 1}


def test_changing_the_future_changes_no_feature(settings: Settings) -> None:
    # the future shuffle of reference/ml.md 3.6: everything known or observed after the index date is altered
    from tests.ml.core_fixture import write_core

    write_core(settings, people=60)
    task = tasks.load("t2d_5y")

    def design() -> features.Design:
        opened = core.open_core(settings)
        try:
            cohort.build_for_scoring(opened, task, INDEX)
            return features.build(opened, load_set(task.feature_set))
        finally:
            opened.close()

    before = design()
    opened = duckdb.connect(":memory:")
    for name, columns in core.CORE_COLUMNS.items():
        path = settings.core / f"{name}.parquet"
        if not path.exists() or name == "twin_person":
            continue
        clock = next(one for one in ("known_at", "valid_from", "date") if one in columns)
        numbers = [c for c, kind in columns.items() if kind == "double"]
        altered = ", ".join(f"case when {clock} > '{INDEX}' then 7 * {c} + 1 else {c} end as {c}" for c in numbers)
        replaced = f"* replace ({altered})" if numbers else "*"
        rows = opened.sql(f"select {replaced} from read_parquet('{path}') order by hash({clock})").to_arrow_table()
        import pyarrow.parquet as pq

        pq.write_table(rows, path)
    opened.close()
    after = design()
    np.testing.assert_array_equal(before.values, after.values)
    np.testing.assert_array_equal(before.known_at, after.known_at)


def test_a_core_table_without_a_promised_column_is_refused(settings: Settings) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    settings.core.mkdir(parents=True)
    pq.write_table(pa.table({"person_id": ["a"]}), settings.core / "twin_person.parquet")
    with pytest.raises(core.CoreUnusable, match=r"twin_person.*birth_date"):
        core.open_core(settings)
    (settings.core / "twin_person.parquet").unlink()
    with pytest.raises(core.CoreUnusable, match="twin build"):
        core.open_core(settings)


def test_core_version_follows_content_not_layout(settings: Settings) -> None:
    import pyarrow.parquet as pq

    from tests.ml.core_fixture import write_core

    def version() -> str:
        opened = core.open_core(settings)
        try:
            return core.core_version(opened)
        finally:
            opened.close()

    write_core(settings, people=20)
    first = version()
    path = settings.core / "twin_measurement.parquet"
    rows = pq.read_table(path)
    pq.write_table(rows.take(list(range(rows.num_rows - 1, -1, -1))), path, compression="none")
    assert version() == first
    pq.write_table(rows.slice(1), path)
    assert version() != first

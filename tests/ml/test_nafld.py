"""NAFLD (17,549 people with dated laboratory results): the pipeline's as-of figure on real longitudinal data.

The tables are laid out as core hands them over: day 0 is everyone's index date, facts are known when they are dated.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from lake.settings import Settings
from ml import candidates, evaluate, leakage, quality
from ml import task as tasks
from ml.dataset import Dataset, prepare
from ml.evaluate import Outcome
from ml.features import compile as compiled
from ml.features.build import Leak
from ml.task import ModelSpec, Task

INDEX = datetime(2000, 1, 1)

CORE = {
    "twin_person": """
        select cast(id as varchar) as person_id, day0::date - cast(age * 365.25 as integer) as birth_date,
            case male when 1 then 'male' else 'female' end as sex,
            case when status = 1 then day0::date + futime::integer end as death_date,
            day0 + to_days(futime::integer) as last_observed_at
        from nafld1
    """,
    "twin_encounter": """
        select cast(id as varchar) as person_id, 'AMB' as encounter_class, day0 - to_days(1) as event_at,
            event_at as event_end_at, event_at as known_at, null::timestamp as superseded_at, 'insert' as op
        from nafld1
    """,
    "twin_condition": """
        select cast(id as varchar) as person_id, map[event] as concept, day0 + to_days(days::integer) as event_at,
            day0 + to_days(days::integer) as known_at, null::timestamp as superseded_at, 'insert' as op
        from nafld3, (select map {'diabetes': 'type_2_diabetes', 'htn': 'hypertension',
            'dyslipidemia': 'hyperlipidemia', 'afib': 'atrial_fibrillation', 'heart failure': 'heart_failure',
            'MI': 'myocardial_infarction', 'ang/isc': 'coronary_heart_disease', 'stroke': 'ischemic_stroke',
            'nafld': 'fatty_liver', 'cardiac arrest': 'cardiac_arrest'} as map)
        where map[event] is not null
    """,
    "twin_measurement": """
        with result as (
            select id, days, test, value, day0 from nafld2
            union all select id, 0, 'weight', weight, day0 from nafld1 where weight is not null
            union all select id, 0, 'height', height, day0 from nafld1 where height is not null
            union all select id, 0, 'bmi', bmi, day0 from nafld1 where bmi is not null
        )
        select cast(id as varchar) as person_id, map[test] as concept, '' as code, value as value_std, '' as unit_std,
            case when test = 'smoke' then if(value = 1, 'current', 'never') end as value_text,
            null::varchar as value_code, '' as quality_flags,
            day0 + to_days(days::integer) as event_at,
            day0 + to_days(days::integer) as known_at, null::timestamp as superseded_at, 'insert' as op
        from result, (select map {'chol': 'total_cholesterol', 'hdl': 'hdl_cholesterol', 'sbp': 'systolic_bp',
            'dbp': 'diastolic_bp', 'smoke': 'smoking_status', 'weight': 'body_weight',
            'height': 'body_height', 'bmi': 'bmi'} as map)
        where map[test] is not null
    """,
}


@pytest.fixture(scope="module")
def home(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("nafld") / "home", threads=2)
    settings.core.mkdir(parents=True)
    with duckdb.connect(":memory:") as connection:
        for number in (1, 2, 3):
            path = shared_data / f"ml/cohorts/survival/nafld{number}.parquet"
            connection.execute(
                f"create view nafld{number} as select *, timestamp '{INDEX}' as day0 from read_parquet('{path}')"
            )
        for name, query in CORE.items():
            connection.execute(f"copy ({query}) to '{settings.core / name}.parquet' (format parquet)")
    return settings


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    declared = yaml.safe_load((tasks.TASK_DIR / "t2d_5y.yaml").read_text())
    declared |= {"name": "nafld", "index": {"first": INDEX.date(), "last": date(2000, 1, 1)}}
    declared["eligibility"] |= {"age_years": [18, 110]}
    path = tmp_path_factory.mktemp("task") / "nafld.yaml"
    path.write_text(yaml.safe_dump(declared))
    return tasks.load(str(path))


@pytest.fixture(scope="module")
def data(home: Settings, task: Task) -> Dataset:
    return prepare(home, task)


def test_the_quality_step_says_that_cholesterol_is_a_copy_of_hdl(home: Settings) -> None:
    # reference H24: chol equals hdl in 159,647 of 159,647 rows of this build
    shares = {(one.concept, one.other): one.share for one in quality.copies(home)}
    assert shares["hdl_cholesterol", "total_cholesterol"] == 1.0
    assert len(shares) <= 3, shares
    assert leakage.no_copies(home).status == "fail"


@pytest.mark.slow
def test_the_pipeline_gives_the_as_of_figure_not_the_leaky_one(home: Settings, task: Task, data: Dataset) -> None:
    # reference/ml.md 3.6, on the 8,926 whose status at five years is known, 703 of them cases: AUC .781 as of the index
    # date (its standard error is .009), .812 with one leaky count, .919 without the filter
    risk = candidates.cross_fitted_risk(task, ModelSpec(name="lightgbm", kind="lightgbm"), data, 2)
    outcome = Outcome(data.sample.time[data.first], data.sample.event[data.first])
    case = (outcome.event == 1) & (outcome.time <= 1826)
    known = case | (outcome.time >= 1826)
    assert (known.sum(), case.sum()) == (8926, 703)
    auc = roc_auc_score(case[known], risk[known])
    print(f"NAFLD 5-year diabetes, as of the index date: AUC {auc:.4f}; IPCW {evaluate.auc(outcome, risk, 1826):.4f}")
    assert 0.781 - 0.009 <= auc <= 0.800
    found = leakage.rebuilt(home, task, at=INDEX)
    assert [one.status for one in found] == ["pass"] * 4


def test_without_the_as_of_filter_the_pipeline_refuses(
    home: Settings, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = compiled.queries

    def unfiltered(declared: object) -> list[str]:
        return [
            one.replace("and m.event_at <= c.index_at", "").replace("m.known_at <= c.index_at and", "")
            for one in true(declared)
        ]  # type: ignore[arg-type]

    monkeypatch.setattr(compiled, "queries", unfiltered)
    with pytest.raises(Leak, match="known only after their index date"):
        prepare(home, task)

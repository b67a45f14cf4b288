"""A champion that has fallen behind its people: recalibrated on what happened since, judged on others, promoted."""

from __future__ import annotations

import shutil

import duckdb
import numpy as np
import pytest
import yaml

from lake import derived
from lake.settings import Settings
from ml import registry, tables, tracking
from ml import task as tasks
from ml.dataset import CannotLearn
from ml.recalibrate import Recalibrated, recalibrate
from ml.score import score
from ml.train import TrainResult, train
from tests.ml.core_fixture import write_core

UNTIL = "2021-06-30"
"""The champion's data end here; afterwards diabetes is recorded far more often."""
MORE_OF = 3


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The core of 350 people as it was known in the middle of their follow-up."""
    settings = Settings(home=tmp_path_factory.mktemp("recalibration") / "home", threads=1)
    write_core(settings, people=350, seed=3)
    whole = settings.home / "whole"
    shutil.copytree(settings.core, whole)
    with duckdb.connect() as connection:
        for path in whole.glob("*.parquet"):
            rows = connection.read_parquet(str(path))
            if "known_at" in rows.columns:
                rows = rows.filter(f"known_at <= timestamp '{UNTIL}'")
            if "last_observed_at" in rows.columns:
                seen = f"* replace (least(last_observed_at, timestamp '{UNTIL}') as last_observed_at, "
                rows = rows.project(seen + f"case when death_date <= date '{UNTIL}' then death_date end as death_date)")
            if "date" in rows.columns:
                rows = rows.filter(f"date <= date '{UNTIL}'")
            rows.write_parquet(str(settings.core / path.name))
    return settings


@pytest.fixture(scope="module")
def task_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Type 2 diabetes with the equation alone, which trains in a second."""
    declared = yaml.safe_load((tasks.TASK_DIR / "t2d_5y.yaml").read_text()) | {"name": "t2d_of_a_region"}
    declared["models"] = [one for one in declared["models"] if one["kind"] in ("equation", "recalibrated")]
    path = tmp_path_factory.mktemp("tasks") / "t2d_of_a_region.yaml"
    path.write_text(yaml.safe_dump(declared))
    return str(path)


@pytest.fixture(scope="module")
def trained(home: Settings, task_file: str) -> TrainResult:
    result = train(home, task_file)
    assert result.champion == "recalibrated_equation"
    return result


def later(settings: Settings, more_of: int) -> None:
    """Bring the core up to the end, and let others of those who stay healthy fall ill as well."""
    for path in (settings.home / "whole").glob("*.parquet"):
        shutil.copy(path, settings.core)
    with duckdb.connect() as connection:
        connection.read_parquet(str(settings.home / "whole" / "twin_condition.parquet")).create_view("told")
        connection.read_parquet(str(settings.home / "whole" / "twin_person.parquet")).create_view("person")
        connection.sql(
            """
            with
                ill as (from told where concept = 'type_2_diabetes'),
                healthy as (
                    select person_id, row_number() over (order by md5(person_id)) as turn
                    from person
                    where last_observed_at > timestamp '2023-06-30' and person_id not in (select person_id from ill)
                )
            select
                person_id, 'type_2_diabetes' as concept,
                timestamp '2022-01-01' + to_days((turn * 37 % 500)::integer) as event_at,
                event_at + interval 5 day as known_at, null::timestamp as superseded_at, 'insert' as op
            from healthy
            where turn <= (select count(*) from ill where event_at > $until::timestamp) * ($more_of - 1)
            union all by name
            from told
            """,
            params={"until": UNTIL, "more_of": more_of},
        ).write_parquet(str(settings.core / "twin_condition.parquet"))


def mean_risk(settings: Settings, task: str) -> float:
    score(settings, task)
    rows = derived.read(settings, tables.SCORED_COHORT).to_pylist()
    return float(np.mean([row["risk"] for row in rows if row["eligible"]]))


@pytest.fixture(scope="module")
def before(home: Settings, task_file: str, trained: TrainResult) -> float:
    """The mean risk that the champion gives to the people of today."""
    later(home, MORE_OF)
    return mean_risk(home, task_file)


@pytest.fixture(scope="module")
def renewed(home: Settings, task_file: str, before: float) -> Recalibrated:
    return recalibrate(home, task_file)


def test_held_out_people_promote_it(home: Settings, trained: TrainResult, renewed: Recalibrated) -> None:
    assert renewed.promoted, renewed.verdict
    assert {one.name: one.status for one in renewed.gates} == {"G2_reload": "pass", "R1_held_out": "pass"}
    client = tracking.connect(home)
    champion = registry.reigning(client, renewed.task)
    assert champion.version == renewed.version != trained.champion_version
    assert champion.tags["recalibrated_from"] == f"v{trained.champion_version}"
    assert champion.run_id == renewed.run_id
    assert tracking.origin(client, champion).info.run_id == trained.run_id


def test_the_level_is_that_of_what_happened(
    home: Settings, task_file: str, before: float, renewed: Recalibrated
) -> None:
    # a factor of three in the events is about a factor of three in small risks
    assert 1.8 < mean_risk(home, task_file) / before < 4.5


def test_a_second_time_there_is_nothing_new(home: Settings, task_file: str, renewed: Recalibrated) -> None:
    with pytest.raises(CannotLearn, match="0 events since"):
        recalibrate(home, task_file)


def test_the_earlier_version_still_serves_who_asks_for_it(
    home: Settings, trained: TrainResult, renewed: Recalibrated
) -> None:
    earlier = tracking.load(home, f"models:/{renewed.task}/{trained.champion_version}")
    now = tracking.load(home, f"models:/{renewed.task}/{renewed.version}")
    assert earlier.calibrator[0] == renewed.before != renewed.after == now.calibrator[0]
    assert earlier.calibrator[1] == now.calibrator[1]  # death without the outcome is left alone

"""Sensors: at most one run per source and look, however many files; one refresh per state of the lake."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dagster as dg
import pytest

from lake.settings import Settings
from orchestration.deliveries import recall, waiting
from orchestration.resources import Home
from orchestration.rooms import readers
from orchestration.sensors import landing, models_due, refresh_when_stale


def put(home: Settings, name: str, content: str, age_seconds: float = 60) -> Path:
    path = home.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    stamp = time.time() - age_seconds
    os.utime(path, (stamp, stamp))
    return path


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def look(home: Settings, instance: dg.DagsterInstance) -> dg.SensorResult | dg.SkipReason:
    context = dg.build_sensor_context(instance=instance, resources={"home": Home(path=str(home.home))})
    return landing(context)


def test_many_files_give_one_run_per_source(home: Settings, instance: dg.DagsterInstance) -> None:
    for number in range(50):
        put(home, f"st_anne/file_{number}.xyz", f"content {number}")
    put(home, "riverside/a.xyz", "other")
    result = look(home, instance)
    assert isinstance(result, dg.SensorResult)
    assert [request.tags["twin/source"] for request in result.run_requests or []] == ["riverside", "st_anne"]
    [added] = result.dynamic_partitions_requests or []
    assert sorted(added.partition_keys) == sorted(str(request.partition_key) for request in result.run_requests or [])


def test_the_same_files_ask_for_the_same_run(home: Settings, instance: dg.DagsterInstance) -> None:
    """Dagster starts one run per run key, so looking again before the run has begun starts nothing."""
    put(home, "st_anne/a.xyz", "a")
    first, second = (look(home, instance) for _ in range(2))
    assert isinstance(first, dg.SensorResult)
    assert isinstance(second, dg.SensorResult)
    assert [one.run_key for one in first.run_requests or []] == [one.run_key for one in second.run_requests or []]


def test_a_source_that_is_being_taken_in_waits(home: Settings, instance: dg.DagsterInstance) -> None:
    put(home, "st_anne/a.xyz", "a")
    run = dg.DagsterRun(job_name="ingest", status=dg.DagsterRunStatus.STARTED, tags={"twin/source": "st_anne"})
    instance.add_run(run)
    assert isinstance(look(home, instance), dg.SkipReason)


def test_a_file_that_may_still_grow_is_left_for_later(home: Settings, instance: dg.DagsterInstance) -> None:
    put(home, "st_anne/a.xyz", "a", age_seconds=0)
    assert isinstance(look(home, instance), dg.SkipReason)


def test_a_delivery_remembers_its_files(home: Settings, instance: dg.DagsterInstance) -> None:
    put(home, "st_anne/a.xyz", "a")
    put(home, "st_anne/copy_of_a.xyz", "a")
    [delivery] = waiting(home, readers())
    look(home, instance)
    assert recall(home, delivery.key) == delivery
    assert [one.path.name for one in delivery.landed(home, "unrecognised")] == ["a.xyz"]


def test_nothing_is_refreshed_before_something_was_taken_in(home: Settings, instance: dg.DagsterInstance) -> None:
    context = dg.build_sensor_context(instance=instance, resources={"home": Home(path=str(home.home))})
    assert isinstance(refresh_when_stale(context), dg.SkipReason)
    put(home, "st_anne/a.xyz", "a")
    skipped = refresh_when_stale(context)
    assert isinstance(skipped, dg.SkipReason)
    assert "still being taken in" in str(skipped.skip_message)


def test_models_that_need_work_get_one_run(
    home: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml.monitor import Decision
    from orchestration import staleness

    def look_at_models() -> dg.RunRequest | dg.SkipReason:
        context = dg.build_sensor_context(instance=instance, resources={"home": Home(path=str(home.home))})
        return models_due(context)  # type: ignore[return-value]

    monkeypatch.setattr(staleness, "stale", lambda _: [object()])
    assert isinstance(look_at_models(), dg.SkipReason)  # the refresh that is due decides itself
    monkeypatch.setattr(staleness, "stale", lambda _: [])
    drifted = Decision("train", ("scores have moved (PSI 0.31)",))
    monkeypatch.setattr(
        "ml.monitor.due", lambda _, name: drifted if name == "t2d_5y" else Decision("keep", ("nothing",))
    )
    asked = look_at_models()
    assert isinstance(asked, dg.RunRequest)
    selected = {key.to_user_string() for key in asked.asset_selection or []}
    assert {"models/t2d_5y/model", "models/t2d_5y/scores", "marts_risk/risk_current", "published/snapshot"} <= selected
    assert "models/ascvd_10y/model" not in selected
    again = look_at_models()
    assert isinstance(again, dg.RunRequest)
    assert again.run_key == asked.run_key
    monkeypatch.setattr("ml.monitor.due", lambda *_: Decision("keep", ("nothing",)))
    assert isinstance(look_at_models(), dg.SkipReason)

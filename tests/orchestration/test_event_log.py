"""The event log's files are those of Dagster's own storage, read and followed as such."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from orchestration.environment import dagster_home
from orchestration.event_log import OPEN_FILES, EventLog


@dg.asset(check_specs=[dg.AssetCheckSpec("counted", asset="people")])
def people() -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={"rows": 3}, check_results=[dg.AssetCheckResult(passed=True, check_name="counted")]
    )


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))  # given back after the test
    with dg.DagsterInstance.from_config(str(dagster_home(tmp_path))) as instance:
        yield instance


def test_dagsters_own_storage_reads_the_same_events(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    assert isinstance(instance.event_log_storage, EventLog)
    run = dg.materialize([people], instance=instance)
    theirs = SqliteEventLogStorage(str(tmp_path / "dagster" / "history" / "runs"))
    logged = [event.message for event in theirs.get_logs_for_run(run.run_id)]
    assert len(logged) >= len(run.all_events)
    assert logged == [event.message for event in instance.event_log_storage.get_logs_for_run(run.run_id)]
    latest = theirs.get_latest_materialization_events([people.key])[people.key]
    assert latest is not None
    assert latest.run_id == run.run_id


def test_a_run_can_be_followed(instance: dg.DagsterInstance) -> None:
    seen: list[str] = []
    run = instance.create_run_for_job(
        dg.define_asset_job("job").resolve(asset_graph=dg.Definitions([people]).resolve_asset_graph())
    )
    instance.event_log_storage.watch(run.run_id, None, lambda entry, _: seen.append(entry.message))
    instance.report_engine_event("the first", run)
    until = time.monotonic() + 20
    while "the first" not in seen and time.monotonic() < until:
        time.sleep(0.05)
    assert seen.count("the first") == 1


def test_more_runs_than_open_files(instance: dg.DagsterInstance) -> None:
    runs = [dg.materialize([people], instance=instance).run_id for _ in range(OPEN_FILES + 2)]
    assert all(instance.event_log_storage.get_logs_for_run(run) for run in runs)


def test_wiped(instance: dg.DagsterInstance) -> None:
    run = dg.materialize([people], instance=instance)
    instance.event_log_storage.wipe()
    assert not instance.event_log_storage.get_logs_for_run(run.run_id)
    assert dg.materialize([people], instance=instance).success

"""The graph runs from the UI: a real web server and daemon, driven over GraphQL as the browser does."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lake.settings import PROJECT_DIR, Settings
from lake.warehouse import reading
from orchestration.servers import LOOPBACK, dagster_command, free_port, started, wait_until_listening
from synthetic import generate

PEOPLE = 60
SOURCES = {"ehr", "enrolment"}
PATIENCE_SECONDS = 900
WHERE = {"repositoryLocationName": "human_twin", "repositoryName": "__repository__"}

LOADED = """{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError {
    __typename ... on PythonError { message }
    ... on RepositoryLocation { repositories { name jobs { name } } } } } } } }"""
RUNS = """{ runsOrError(limit: 100) { ... on Runs { results { runId jobName status tags { key value } } } } }"""
SENSOR = """query($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) {
    ... on Sensor { sensorState { id status } } } }"""
STOP = """mutation($id: String!) { stopSensor(id: $id) { __typename ... on PythonError { message } } }"""
LAUNCH = """mutation($what: ExecutionParams!) { launchRun(executionParams: $what) { __typename
    ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
MATERIALISED = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
    assetMaterializations(limit: 1) { runId metadataEntries { label ... on IntMetadataEntry { intValue } } } } } }"""

pytestmark = pytest.mark.slow


class Ui:
    """What a browser may ask."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{LOOPBACK}:{port}/graphql"

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def runs(self, job: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(RUNS)["runsOrError"]["results"]
        return [run for run in found if run["jobName"] == job]


def eventually(look: Callable[[], Any], what: str) -> Any:
    """Ask again until the answer is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(1)
    raise AssertionError(f"after {PATIENCE_SECONDS} s still waiting for: {what}")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A small demo home; its files have lain still long enough for the landing sensor."""
    settings = Settings(home=tmp_path_factory.mktemp("ui") / "twin_home")
    generate(settings, people=PEOPLE, sources=SOURCES)
    for path in settings.landing.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 60,) * 2)
    return settings


@pytest.fixture(scope="module")
def ui(home: Settings) -> Iterator[Ui]:
    """Dagster's web server and daemon on this home, with the network closed for all their processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(PROJECT_DIR / "tests" / "guard"))
        port = free_port(0)
        with started(dagster_command(port), home, home.home / "logs" / "dagster.log") as process:
            assert wait_until_listening(process, port, PATIENCE_SECONDS)
            yield Ui(port)


def stop_sensor(ui: Ui, name: str) -> None:
    found = ui.ask(SENSOR, selector={**WHERE, "sensorName": name})["sensorOrError"]["sensorState"]
    assert found["status"] == "RUNNING"
    assert ui.ask(STOP, id=found["id"])["stopSensor"]["__typename"] == "StopSensorMutationResult"


def test_landing_to_snapshot_through_web_server_and_daemon(ui: Ui, home: Settings) -> None:
    [location] = ui.ask(LOADED)["workspaceOrError"]["locationEntries"]
    assert location["name"] == "human_twin"
    [repository] = location["locationOrLoadError"]["repositories"]
    assert {"ingest", "refresh"} <= {job["name"] for job in repository["jobs"]}
    # The refresh is started by hand below, as a person would.
    stop_sensor(ui, "refresh_when_stale")

    sources = {path.name for path in home.landing.iterdir()}
    ingested = eventually(
        lambda: (
            [run for run in ui.runs("ingest") if run["status"] == "SUCCESS"][: len(sources)]
            if all(run["status"] == "SUCCESS" for run in ui.runs("ingest")) and len(ui.runs("ingest")) >= len(sources)
            else []
        ),
        "the landing sensor's runs",
    )
    by_source = [tag["value"] for run in ingested for tag in run["tags"] if tag["key"] == "twin/source"]
    assert sorted(by_source) == sorted(sources), "one run per source, however many files"

    what = {
        "selector": {**WHERE, "pipelineName": "refresh"},
        "mode": "default",
        "runConfigData": {},
    }
    launched = ui.ask(LAUNCH, what=what)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    status = eventually(
        lambda: next(
            (
                run["status"]
                for run in ui.runs("refresh")
                if run["runId"] == launched["run"]["runId"] and run["status"] in ("SUCCESS", "FAILURE", "CANCELED")
            ),
            "",
        ),
        "the refresh",
    )
    assert status == "SUCCESS", _log(home)

    with reading(home) as snapshot:
        rows = snapshot.execute("select count(*) from core.twin_person").fetchall()[0][0]
    assert rows >= PEOPLE * 0.9
    node = ui.ask(MATERIALISED, key={"path": ["core", "twin_person"]})["assetNodeOrError"]
    [materialised] = node["assetMaterializations"]
    counts = {entry["label"]: entry.get("intValue") for entry in materialised["metadataEntries"]}
    assert counts["dagster/row_count"] == rows


def _log(home: Settings) -> str:
    path: Path = home.home / "logs" / "dagster.log"
    return path.read_text(errors="replace")[-4000:]

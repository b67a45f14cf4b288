"""Build: the same asset graph as in the UI, run in this process on the home's own Dagster instance."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lake import manifest
from lake.settings import Settings
from orchestration import rooms, staleness
from orchestration.deliveries import Delivery, waiting
from orchestration.environment import dagster_home

if TYPE_CHECKING:
    import dagster as dg

Progress = Callable[[str], None]
"""Told in a few words what is being done, when it begins."""


@dataclass(frozen=True)
class Run:
    """One Dagster run: ``what`` is a delivery or ``refresh``."""

    what: str
    run_id: str
    ok: bool
    seconds: float
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuildReport:
    """What a build did. ``ok``: everything that was asked for is published; refused files do not make it false.

    ``stale`` names the stages that were run; ``files`` counts the files of this build by status, ``refused`` says
    which of them were refused whole and why.
    """

    ok: bool
    seconds: float
    stale: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()
    files: dict[str, int] = field(default_factory=dict)
    records_read: int = 0
    records_rejected: int = 0
    refused: tuple[tuple[str, str, str], ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def did_nothing(self) -> bool:
        """Nothing had landed and nothing was stale."""
        return not self.runs


def build(settings: Settings, progress: Progress | None = None, retry_refused: bool = False) -> BuildReport:
    """Take in what has landed and bring everything up to date; does only what is stale.

    A file that breaks its contract is refused, and the rest goes on. A blocking check or a failing step stops what
    depends on it; the last published snapshot stays.

    Args:
        retry_refused: read again the files that were refused whole, as after an upgrade that knows more formats.
    """
    tell = progress or (lambda _: None)
    started = time.perf_counter()
    if retry_refused:
        _forget_refused(settings)
    before = {one.file_id for one in manifest.entries(settings)}
    tell("looking at landing")
    deliveries = waiting(settings, rooms.readers())
    if not deliveries and not staleness.stale(settings):
        return BuildReport(ok=True, seconds=time.perf_counter() - started)
    os.environ["TWIN_HOME"] = str(settings.home)
    runs: list[Run] = []
    tell("starting Dagster")
    with _instance(settings) as instance:
        for delivery in deliveries:
            tell(f"taking in {delivery.source}")
            runs.append(_take_in(settings, instance, delivery, tell))
        stale = tuple(stage.name for stage in staleness.stale(settings))
        if stale:
            runs.append(_refresh(instance, stale, tell))
    new = [one for one in manifest.entries(settings) if one.file_id not in before]
    failed = tuple(name for run in runs for name in run.failed if run.what == "refresh")
    return BuildReport(
        ok=not staleness.stale(settings),
        seconds=time.perf_counter() - started,
        stale=stale,
        runs=tuple(runs),
        files=dict(Counter(one.status for one in new)),
        records_read=sum(one.records_read for one in new),
        records_rejected=sum(one.records_rejected for one in new),
        refused=tuple((one.path, one.reason or "", one.detail or "") for one in new if one.status == "rejected"),
        failed=failed,
    )


def _forget_refused(settings: Settings) -> None:
    """Nothing of a refused file is in the lake but the entry that says so, and its reason in quarantine."""
    for one in manifest.entries(settings):
        if one.status == "rejected":
            (settings.quarantine / f"{one.file_id}.parquet").unlink(missing_ok=True)
            manifest.path_of(settings, one.file_id).unlink()


@contextmanager
def _instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    dagster_home(settings.home)
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        yield instance


def _take_in(settings: Settings, instance: dg.DagsterInstance, delivery: Delivery, tell: Progress) -> Run:
    from orchestration.assets.raw import key_of
    from orchestration.partitions import announce

    announce(settings, instance, delivery)
    return _execute(
        instance,
        "ingest",
        delivery.key,
        tell,
        asset_selection=[key_of(name) for name in delivery.formats],
        partition_key=delivery.key,
        tags={"twin/source": delivery.source, "twin/by": "twin build"},
    )


def _refresh(instance: dg.DagsterInstance, stale: Sequence[str], tell: Progress) -> Run:
    from orchestration import graph

    selection = [key for name in stale for key in graph.keys(name)]
    return _execute(instance, "refresh", "refresh", tell, asset_selection=selection, tags={"twin/by": "twin build"})


def _execute(instance: dg.DagsterInstance, job: str, what: str, tell: Progress, **selection: Any) -> Run:
    import uuid

    from orchestration.definitions import defs

    run_id = str(uuid.uuid4())
    started = time.perf_counter()
    with _steps_told(instance, run_id, tell):
        result = defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            **selection,
        )
    failed = tuple(sorted({event.step_key or "run" for event in result.all_events if event.is_step_failure}))
    return Run(what, run_id, result.success, time.perf_counter() - started, failed)


@contextmanager
def _steps_told(instance: dg.DagsterInstance, run_id: str, tell: Progress) -> Iterator[None]:
    """Tell which step begins, in the moment it does: the run's events pass through this process."""
    import dagster as dg

    def told(event: dg.EventLogEntry) -> None:
        if event.is_dagster_event and event.get_dagster_event().event_type == dg.DagsterEventType.STEP_START:
            tell((event.step_key or "").replace("__", " "))

    instance.add_event_listener(run_id, told)
    yield

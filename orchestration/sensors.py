"""Sensors: new files start one run per source; what was taken in starts one refresh."""

from typing import TYPE_CHECKING

import dagster as dg

from lake.settings import Settings
from lake.stages import fingerprint
from orchestration import graph, jobs, rooms, staleness
from orchestration.assets.raw import key_of
from orchestration.deliveries import remember, waiting
from orchestration.partitions import DELIVERY
from orchestration.resources import Home

if TYPE_CHECKING:
    from ml.monitor import Decision

SETTLE_SECONDS = 5
"""A file touched within this time may still be growing; it is left for the next look."""

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.sensor(
    job=jobs.ingest,
    name="landing",
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks for new files in landing. At most one run per source and look, however many files came: a run"
    " costs seconds before its first line.",
)
def landing(context: dg.SensorEvaluationContext, home: Home) -> dg.SensorResult | dg.SkipReason:
    """Ask for one run for each source that has new files and is not being ingested already."""
    settings = home.settings()
    requests = []
    announced = []
    for delivery in waiting(settings, rooms.readers(), SETTLE_SECONDS):
        if _running(context.instance, {"twin/source": delivery.source}):
            continue
        remember(settings, delivery)
        announced.append(delivery.key)
        requests.append(
            dg.RunRequest(
                run_key=delivery.key,
                partition_key=delivery.key,
                asset_selection=[key_of(name) for name in delivery.formats],
                tags={"twin/source": delivery.source},
            )
        )
    if not requests:
        return dg.SkipReason(f"no new files that have settled for {SETTLE_SECONDS} s in {settings.landing}")
    return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=[DELIVERY.build_add_request(announced)])


@dg.sensor(
    job=jobs.refresh,
    name="refresh_when_stale",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts one refresh of what is stale, once every delivery has been taken in.",
)
def refresh_when_stale(context: dg.SensorEvaluationContext, home: Home) -> dg.RunRequest | dg.SkipReason:
    """Ask for one refresh when something is stale and nothing is on its way."""
    settings = home.settings()
    if _running(context.instance, {"twin/stage": "ingest"}) or waiting(settings, rooms.readers()):
        return dg.SkipReason("deliveries are still being taken in")
    return request(context.instance, settings)


def request(instance: dg.DagsterInstance, settings: Settings) -> dg.RunRequest | dg.SkipReason:
    """A refresh of the stale stages, once per state of the lake."""
    if _running(instance, {"twin/stage": "refresh"}):
        return dg.SkipReason("a refresh is running")
    if not any(settings.manifest.glob("[!.]*.json")):
        return dg.SkipReason("nothing has been taken in yet")
    stale = staleness.stale(settings)
    if not stale:
        return dg.SkipReason("nothing is stale")
    return dg.RunRequest(
        run_key=f"refresh-{stale[-1].fingerprint[:16]}",
        asset_selection=[key for stage in stale for key in graph.keys(stage.name)],
    )


@dg.sensor(
    job=jobs.refresh,
    name="models_due",
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for new training or recalibration where monitoring called for it and there are data that the"
    " model has not seen: drift of people or scores, or risks that no longer come true.",
)
def models_due(context: dg.SensorEvaluationContext, home: Home) -> dg.RunRequest | dg.SkipReason:
    """Ask for one run over the models that need work, once per finding."""
    settings = home.settings()
    if _running(context.instance, {"twin/stage": "refresh"}):
        return dg.SkipReason("a refresh is running")
    if staleness.stale(settings):
        return dg.SkipReason("the next refresh decides on the models itself")
    wanted = {name: found for name in rooms.tasks() if (found := _due(settings, name)).action != "keep"}
    if not wanted:
        return dg.SkipReason("no model needs work")
    told = "; ".join(f"{name}: {one.action} ({', '.join(one.reasons)})" for name, one in wanted.items())
    stages = [*map(staleness.models, wanted), staleness.MARTS, staleness.PUBLISH]
    return dg.RunRequest(
        run_key=f"models-{fingerprint(told)[:16]}",
        asset_selection=[key for stage in stages for key in graph.keys(stage)],
        tags={"twin/why": told[:240]},
    )


def _due(settings: Settings, task: str) -> "Decision":
    from ml.core import CoreUnusable
    from ml.monitor import Decision, due

    try:
        return due(settings, task)
    except CoreUnusable:
        return Decision("keep", ("nothing was built yet",))


@dg.sensor(
    name="warm_merge",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Hands what the resident monitor has taken in, and its alarms, over to landing. The hand-over is in the"
    " catalogue without a run; the landing sensor ingests the files.",
)
def warm_merge(context: dg.SensorEvaluationContext, home: Home) -> dg.SensorResult | dg.SkipReason:
    """Merge the hot folder into landing."""
    from wearables.monitor.merge import merge

    done = merge(home.settings())
    if not (done.taken or done.alarms):
        return dg.SkipReason("the monitor has taken in nothing new")
    metadata = {"hot_files": done.taken, "landed_files": done.landed, "new_alarms": done.alarms}
    return dg.SensorResult(asset_events=[dg.AssetMaterialization(key_of("live"), metadata=metadata)])


def _running(instance: dg.DagsterInstance, tags: dict[str, str]) -> bool:
    return bool(instance.get_runs(dg.RunsFilter(tags=tags, statuses=UNFINISHED), limit=1))


SENSORS = [landing, refresh_when_stale, models_due, warm_merge]

"""Watching a served model: what has moved since training, whether its scores come true, and what that calls for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import duckdb
import pyarrow as pa

from lake import derived
from lake.settings import Settings
from ml import cohort, core, dataset, drift, maturity, registry, tables, tracking
from ml import task as tasks
from ml.drift import Signal
from ml.features import build as features
from ml.features.spec import load_set
from ml.models import bundle as bundles
from ml.models.bundle import Bundle, ModelUnusable
from ml.task import Task

if TYPE_CHECKING:
    from mlflow.entities import Run

Action = Literal["keep", "recalibrate", "train"]


@dataclass(frozen=True)
class Decision:
    """What the state of a task's model calls for, and why."""

    action: Action
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Watched:
    """Everything that was watched of one served version; ``details``: whose scores a calibration speaks of."""

    task: str
    model_name: str
    model_version: str
    as_of: datetime
    core_version: str
    signals: list[Signal]
    details: list[str]
    decision: Decision


def monitor(settings: Settings, name: str) -> Watched:
    """Compare everyone eligible today with the champion's training snapshot, and matured scores with outcomes.

    Writes ``model_monitor``.

    Raises:
        ModelUnusable: there is no champion, or it is damaged.
    """
    task = tasks.load(name)
    version, made = registry.champion(settings, task)
    connection = core.open_core(settings)
    try:
        as_of = core.data_cutoff(connection)
        if as_of is None:
            raise ModelUnusable("core holds no clinical fact, so there is nobody to watch; land clinical data first")
        content = core.version(settings, connection)
        cohort.build_for_scoring(connection, task, as_of)
        design = features.build(connection, load_set(task.feature_set))
    finally:
        connection.close()
    moved = compare(made, task, design)
    return record(settings, task, version, moved, as_of=as_of, content=content)


def compare(made: Bundle, task: Task, design: features.Design, risk: drift.Floats | None = None) -> list[Signal]:
    """Return the signals of drift of people against a model's training snapshot; none if it kept no profile."""
    if not made.profile or not len(design.values):
        return []
    risk = bundles.predict(made, design.values).risk if risk is None else risk
    return drift.compare(made.profile, design.names, design.values, risk, task.monitoring)


def record(
    settings: Settings,
    task: Task,
    version: tracking.Registered,
    moved: list[Signal],
    *,
    as_of: datetime,
    content: str,
) -> Watched:
    """Add what matured, write the rows of ``model_monitor``, and say what follows."""
    ripe = maturity.matured(settings, task, as_of)
    signals = [*moved, *(signal for _, signal in ripe)]
    details = [*[""] * len(moved), *(detail for detail, _ in ripe)]
    rows = [
        {
            "task": task.name,
            "model_version": version.version,
            "as_of": as_of,
            "core_version": content,
            "detail": detail,
            **{("watched" if key == "name" else key): _finite(value) for key, value in asdict(signal).items()},
        }
        for signal, detail in zip(signals, details, strict=True)
    ]
    part = f"{task.name}.{as_of:%Y%m%dT%H%M%S}.v{version.version}.{content}"
    derived.replace(settings, tables.MODEL_MONITOR, part, pa.Table.from_pylist(rows, tables.MODEL_MONITOR.schema))
    name = version.tags.get("model_name", "")
    decision = decide(task, signals)
    return Watched(task.name, name, version.version, as_of, content, signals, details, decision)


def decide(task: Task, signals: list[Signal]) -> Decision:
    """Return what signals call for: new training if people have changed, recalibration if only the level has."""
    reasons = []
    alarms = [one for one in signals if one.status == "alarm"]
    for one in alarms:
        if one.kind == "score":
            reasons.append(f"scores have moved (PSI {one.statistic:.2f})")
    moved = {one.name for one in alarms if one.kind in ("feature", "missing")}
    watched = {one.name for one in signals if one.kind == "feature" and one.status != "insufficient"}
    if watched and len(moved) > task.monitoring.drifted_features * len(watched):
        reasons.append(f"{len(moved)} of {len(watched)} features have moved")
    if reasons:
        return Decision("train", tuple(reasons))
    off = [
        f"O:E {one.statistic:.2f} ({one.lower:.2f} to {one.upper:.2f}) {one.name} after scoring"
        for one in alarms
        if one.kind == "calibration"
    ]
    if off:
        return Decision("recalibrate", tuple(off))
    return Decision("keep", (f"{len(moved)} of {len(watched)} features have moved, scores have not",))


def has_drifted(task: Task, signals: Iterable[Signal]) -> bool:
    """Return whether the people scored are no longer those of the training snapshot."""
    return decide(task, [one for one in signals if one.kind != "calibration"]).action == "train"


def due(settings: Settings, name: str) -> Decision:
    """Return what a build has to do with a task's model, before anything expensive is done.

    A model is trained when there is none for this declaration and this code, when what it learned from has grown, or
    when the last monitoring of it called for it; else it is kept and scores the new data.
    """
    task = tasks.load(name)
    if not (settings.mlflow / "mlflow.db").exists():
        return Decision("train", ("nothing was trained here yet",))
    client = tracking.connect(settings)
    version = tracking.aliased(client, task.name, "champion")
    if version is None:
        return Decision("train", ("there is no champion",))
    if version.tags.get("task_hash") != task.hash:
        return Decision("train", ("the task's declaration has changed",))
    return _on_new_data(settings, task, version, tracking.origin(client, version))


def _on_new_data(settings: Settings, task: Task, version: tracking.Registered, trained: Run) -> Decision:
    if trained.data.tags.get("code_version") != tracking.code_version():
        return Decision("train", ("the code has changed",))
    if dataset.version(settings) == trained.data.tags.get("core_version"):
        return Decision("keep", ("it was trained on these data",))
    reasons = []
    before, now = float(trained.data.params.get("n_rows", "nan")), _rows_now(settings, task)
    if not now <= before * (1 + task.monitoring.growth):
        reasons.append(f"{now:,} person-index-dates, {before:,.0f} when it was trained")
    last = decide(task, _last(settings, task, version.version))
    if reasons or last.action == "train":
        return Decision("train", (*reasons, *(last.reasons if last.action == "train" else ())))
    return last


def _rows_now(settings: Settings, task: Task) -> int:
    connection = core.open_core(settings)
    try:
        cutoff = core.data_cutoff(connection)
        if cutoff is None:
            return 0
        cohort.build(connection, task, cutoff)
        return int(connection.execute("select count(*) from cohort where eligible").fetchall()[0][0])
    finally:
        connection.close()


def _last(settings: Settings, task: Task, version: str) -> list[Signal]:
    """The signals of the newest monitoring of a version."""
    connection = duckdb.connect(":memory:")
    try:
        connection.register("monitored", derived.read(settings, tables.MODEL_MONITOR))
        rows = connection.sql(
            """
            select kind, watched as name, n, n_reference, status, value, reference, statistic, lower, upper, p_value
            from monitored
            where task = $task and model_version = $version
            qualify as_of = max(as_of) over ()
            """,
            params={"task": task.name, "version": version},
        ).to_arrow_table()
    finally:
        connection.close()
    known = ({key: value for key, value in row.items() if value is not None} for row in rows.to_pylist())
    return [Signal(**row) for row in known]


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value

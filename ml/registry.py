"""What the registry says of a task's models: gates with their evidence, and the model card."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lake.settings import Settings
from ml import task as tasks
from ml import tracking
from ml.gates import Gate
from ml.models.bundle import Bundle, ModelUnusable
from ml.task import Task

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_PREFIX = "gate."


@dataclass(frozen=True)
class Verdict:
    """The gates of one registered version, as judged when it was made. ``passed``: passed, not passed or fallback."""

    alias: str
    version: str
    model_name: str
    run_id: str
    passed: str
    fallback_for: str
    gates: list[Gate]


def verdicts(settings: Settings, name: str) -> list[Verdict]:
    """Return the gates of the champion and of the challenger of a task.

    Raises:
        ModelUnusable: the task was never trained here.
    """
    task = tasks.load(name)
    client = _client(settings, task.name)
    found = []
    for alias in ("champion", "challenger"):
        if (version := tracking.aliased(client, task.name, alias)) is None:
            continue
        gates = [
            _gate(key.removeprefix(_PREFIX), text)
            for key, text in sorted(version.tags.items())
            if key.startswith(_PREFIX)
        ]
        tags = version.tags
        found.append(
            Verdict(
                alias,
                version.version,
                tags.get("model_name", ""),
                version.run_id,
                tags.get("gates", ""),
                tags.get("fallback_for", ""),
                gates,
            )
        )
    if not found:
        raise ModelUnusable(f"{task.name} was never trained here; run `twin ml train {task.name}`")
    return found


def reloads(settings: Settings, address: str, folder: Path) -> Gate:
    """G2: the logged model loads without pickles and scores the golden rows as it did in memory."""
    try:
        loaded = tracking.load(settings, address)
        difference = tracking.golden_difference(loaded, folder)
    except ModelUnusable as error:
        return Gate("G2_reload", "fail", str(error))
    return Gate(
        "G2_reload", "pass" if difference <= 1e-9 else "fail", f"golden rows differ by at most {difference:.1g}"
    )


def model_card(settings: Settings, name: str, version: str | None = None) -> str:
    """Return the model card (Markdown) of a task's champion, or of one of its versions.

    Raises:
        ModelUnusable: there is no such version, or its run has no card.
    """
    from mlflow.exceptions import MlflowException

    task = tasks.load(name)
    client = _client(settings, task.name)
    version = version or reigning(client, task.name).version
    try:
        run_id = str(client.get_model_version(task.name, version).run_id)
        parent = tracking.origin(client, tracking.Registered(version, run_id, {})).info.run_id
        with tempfile.TemporaryDirectory() as scratch:
            return Path(client.download_artifacts(parent, "model_card.md", scratch)).read_text()
    except (MlflowException, OSError) as error:
        raise ModelUnusable(f"{task.name} v{version} has no card here ({type(error).__name__})") from None


def sql(settings: Settings, name: str, source: str, version: str | None = None) -> str:
    """Return a task's model as SQL over a table of features: its champion, or one of its versions.

    Raises:
        ModelUnusable: there is no such version, it is damaged, or it holds a clinical equation.
    """
    from ml import sql_model

    task = tasks.load(name)
    client = _client(settings, task.name)
    version = version or reigning(client, task.name).version
    return sql_model.query(tracking.load(settings, f"models:/{task.name}/{version}"), source)


def champion(settings: Settings, task: Task) -> tuple[tracking.Registered, Bundle]:
    """Return the champion's version and its verified bundle.

    Raises:
        ModelUnusable: there is no champion, it was trained for another declaration of the task, or it is damaged.
    """
    found = reigning(tracking.connect(settings), task.name)
    made = tracking.load(settings, f"models:/{task.name}/{found.version}")
    if made.task_hash != task.hash:
        raise ModelUnusable(
            f"the champion of {task.name} was trained for declaration {made.task_hash}, now it is {task.hash}; "
            "train again"
        )
    return found, made


def reigning(client: MlflowClient, task: str) -> tracking.Registered:
    """Return the version that serves a task.

    Raises:
        ModelUnusable: there is no champion.
    """
    found = tracking.aliased(client, task, "champion")
    if found is None:
        raise ModelUnusable(f"{task} has no champion; run `twin ml train {task}` and see its gates")
    return found


def _client(settings: Settings, task: str) -> MlflowClient:
    if not (settings.mlflow / "mlflow.db").exists():
        raise ModelUnusable(f"{task} was never trained here; run `twin ml train {task}`")
    return tracking.connect(settings)


def _gate(name: str, tagged: str) -> Gate:
    status, _, evidence = tagged.partition(": ")
    return Gate(name, status, evidence)  # type: ignore[arg-type]

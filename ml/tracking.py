"""MLflow at arm's length: one sqlite store created once under a lock, runs that never stay RUNNING, the registry."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lake.files import replacing
from lake.settings import PROJECT_DIR, Settings
from ml.models import bundle as bundles
from ml.models.bundle import Bundle, ModelUnusable
from ml.task import Task

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
_LOADED_PACKAGES = ("lightgbm", "mlflow", "numpy", "pandas", "pydantic", "pyyaml")


def uri(settings: Settings) -> str:
    """Return the tracking (and registry) address of this home: what ``mlflow server --backend-store-uri`` takes."""
    return f"sqlite:///{settings.mlflow / 'mlflow.db'}"


def connect(settings: Settings) -> MlflowClient:
    """Return a client of this home's store, creating the store first if need be.

    Several first writers at once corrupt a new sqlite store for good (reference/ml.md 3.7), so creation is serialised
    by a file lock and done in a draft file: a killed process leaves nothing half-made.
    """
    for key, value in _QUIET.items():
        os.environ.setdefault(key, value)
    from mlflow.tracking import MlflowClient

    # the first look at a store logs every migration of its schema
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    settings.mlflow.mkdir(parents=True, exist_ok=True)
    store = settings.mlflow / "mlflow.db"
    with (settings.mlflow / ".init.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not store.exists():
            with replacing(store) as draft:
                _create(f"sqlite:///{draft}")
    return MlflowClient(tracking_uri=uri(settings), registry_uri=uri(settings))


def _create(address: str) -> None:
    from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

    engine = create_sqlalchemy_engine(address)
    try:
        _initialize_tables(engine)
    finally:
        engine.dispose()


class Named(Protocol):
    """What an experiment is about: a task, or a simulation."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...


def experiment(client: MlflowClient, settings: Settings, task: Named) -> str:
    """Return the id of the experiment; artifacts stay under ``settings.mlflow``, never in the working folder."""
    from mlflow.exceptions import MlflowException

    if found := client.get_experiment_by_name(task.name):
        return str(found.experiment_id)
    location = (settings.mlflow / "artifacts" / task.name).as_uri()
    # without its kind the UI takes the experiment for one about language models and hides the runs' table
    tags = {"title": task.title, "mlflow.experimentKind": "custom_model_development"}
    try:
        return str(client.create_experiment(task.name, artifact_location=location, tags=tags))
    except MlflowException:
        if found := client.get_experiment_by_name(task.name):  # another process was faster
            return str(found.experiment_id)
        raise


@contextmanager
def run(
    client: MlflowClient, experiment_id: str, name: str, tags: dict[str, str], parent: str | None = None
) -> Iterator[str]:
    """Open a run and yield its id; it ends FINISHED, or FAILED with the kind of error when the body raises."""
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    if parent:
        tags = tags | {MLFLOW_PARENT_RUN_ID: parent}
    run_id = client.create_run(experiment_id, run_name=name, tags=tags).info.run_id
    try:
        yield run_id
    except BaseException as error:
        client.set_tag(run_id, "failure", type(error).__name__)  # the text could name values of people
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")


def finished(client: MlflowClient, experiment_id: str, key: str) -> Run | None:
    """Return the finished parent run of this key, if there is one."""
    found = client.search_runs(
        [experiment_id], f"tags.`twin.key` = '{key}' and attributes.status = 'FINISHED'", max_results=1
    )
    return found[0] if found else None


def log_values(
    client: MlflowClient,
    run_id: str,
    params: dict[str, Any],
    metrics: dict[str, float],
    model: str | None = None,
) -> None:
    """Log parameters and finite metrics in one request.

    Args:
        model: address of the logged model that the metrics speak of; they then stand with the run and with the model.
    """
    import time

    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    of_model = {"model_id": model.removeprefix("models:/"), "run_id": run_id} if model else {}
    client.log_batch(
        run_id,
        [Metric(name, float(value), now, 0, **of_model) for name, value in metrics.items() if np.isfinite(value)],
        [Param(name, str(value)[:6000]) for name, value in params.items()],
    )


def log_dataset(client: MlflowClient, run_id: str, settings: Settings, task: Task, core_version: str) -> None:
    """Record which core the run learned from: a reference and a digest, never rows."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"uri": settings.core.as_uri()})
    dataset = Dataset(f"core/{task.name}", core_version, "local", source)
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def log_model(settings: Settings, client: MlflowClient, run_id: str, made: Bundle, folder: Path) -> str:
    """Log a bundle as a model of the run and return its address. Nothing is pickled, no row of a person is stored.

    Log the run's parameters before, MLflow copies them to the model; and its metrics after, naming the model: it would
    otherwise ask the store for the history of each.
    """
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    bundles.save(made, folder)
    _write_golden(made, folder)
    outputs = ("risk", "risk_lo", "risk_hi", "risk_competing")
    signature = ModelSignature(
        inputs=Schema([ColSpec(DataType.double, name, required=True) for name in made.features]),
        outputs=Schema([ColSpec(DataType.double, name) for name in outputs]),
    )
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # it remarks on missing type hints
    mlflow.set_tracking_uri(uri(settings))
    mlflow.set_registry_uri(uri(settings))
    with _active(run_id), warnings.catch_warnings():
        # the signature is given, and an example would be somebody's row
        warnings.filterwarnings("ignore", message=".*input example was not provided", category=UserWarning)
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(Path(__file__).with_name("serving.py")),
            artifacts={"bundle": str(folder)},
            code_paths=[str(Path(__file__).parent)],
            signature=signature,
            pip_requirements=[f"{name}=={version(name)}" for name in _LOADED_PACKAGES],
        )
    return str(info.model_uri)


@contextmanager
def _active(run_id: str) -> Iterator[None]:
    """Make a run the active one without ending it afterwards."""
    import mlflow

    mlflow.start_run(run_id=run_id, nested=True)
    try:
        yield
    finally:
        mlflow.end_run("RUNNING")


def load(settings: Settings, address: str) -> Bundle:
    """Load a logged or registered model and check its golden rows.

    Raises:
        ModelUnusable: it cannot be loaded, or no longer gives the scores it gave when it was made.
    """
    import mlflow

    mlflow.set_tracking_uri(uri(settings))
    mlflow.set_registry_uri(uri(settings))
    try:
        # whether it still scores as it did is checked below, which says more than versions of packages
        loaded = mlflow.pyfunc.load_model(address, suppress_warnings=True)
        made: Bundle = loaded.unwrap_python_model().bundle
        golden = Path(loaded.unwrap_python_model().folder)
    except ModelUnusable:
        raise
    except Exception as error:
        raise ModelUnusable(f"{address} cannot be loaded ({type(error).__name__}); train again") from None
    if (difference := golden_difference(made, golden)) > 1e-9:
        raise ModelUnusable(
            f"{address} gives other scores than when it was made (by up to {difference:.2g}); train again"
        )
    return made


def golden_difference(made: Bundle, folder: Path) -> float:
    """Return the largest difference between the scores of the golden rows now and when the model was made."""
    try:
        golden = json.loads((folder / "golden.json").read_text())
        rows = np.array([[np.nan if one is None else one for one in row] for row in golden["rows"]], float)
        found = bundles.predict(made, rows)
        return float(np.abs(found.risk - np.array(golden["risk"])).max())
    except (OSError, ValueError, KeyError):
        raise ModelUnusable("the model's golden rows cannot be read; train again") from None


def _write_golden(made: Bundle, folder: Path) -> None:
    """20 invented rows: each feature drawn on its own around the typical value, so that no row is a person."""
    random = np.random.default_rng(7)
    centre = np.array([one[2] if one else np.nan for one in made.fitted.params["quantiles"]], float)
    rows = np.round(centre * random.uniform(0.7, 1.3, (20, len(centre))), 2)
    for number, name in enumerate(made.features):
        usual = made.fitted.params["quantiles"][number]
        is_flag = made.fitted.columns[number].unit == "1" and usual is not None and set(usual) <= {0.0, 1.0}
        if name == "sex_male" or is_flag:  # nine tenths of a yes is no answer
            rows[:, number] = random.integers(0, 2, 20)
    rows[random.random(rows.shape) < 0.15] = np.nan
    rows[:, made.features.index("age_years")] = random.integers(40, 75, 20)
    rows[:, made.features.index("sex_male")] = random.integers(0, 2, 20)
    risk = bundles.predict(made, rows).risk
    stored = [[None if np.isnan(one) else float(one) for one in row] for row in rows]
    (folder / "golden.json").write_text(json.dumps({"rows": stored, "risk": list(map(float, risk))}))


@dataclass(frozen=True)
class Registered:
    """A version of a registered model."""

    version: str
    run_id: str
    tags: dict[str, str]


def register(
    client: MlflowClient, task: Task, address: str, run_id: str, tags: dict[str, str], why: str = ""
) -> Registered:
    """Register a logged model as the next version of the task's model; ``why`` (Markdown) is shown with the version."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(task.name, description=f"{task.title}. Research use, not for care.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    model_id = address.removeprefix("models:/")
    made = client.create_model_version(task.name, address, run_id, tags=tags, description=why, model_id=model_id)
    return Registered(str(made.version), run_id, tags)


def aliased(client: MlflowClient, task_name: str, alias: str) -> Registered | None:
    """Return the version that carries an alias, or None."""
    from mlflow.exceptions import MlflowException

    try:
        found = client.get_model_version_by_alias(task_name, alias)
    except MlflowException:
        return None
    return Registered(str(found.version), str(found.run_id), dict(found.tags))


def origin(client: MlflowClient, version: Registered) -> Run:
    """Return the run that a version came from: the parent of its candidate, which says what was learned from."""
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    child = client.get_run(version.run_id)
    return client.get_run(child.data.tags.get(MLFLOW_PARENT_RUN_ID, version.run_id))


def data_until(client: MlflowClient, version: Registered) -> datetime:
    """Return the end of the data that a version learned from: of its recalibration, or of its training."""
    learned = (client.get_run(version.run_id), origin(client, version))
    return next(
        datetime.fromisoformat(run.data.params["data_cutoff"]) for run in learned if "data_cutoff" in run.data.params
    )


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return 12 hexadecimal digits that change when the code or data of this room change."""
    digest = hashlib.sha256()
    room = Path(__file__).parent
    for path in sorted(room.rglob("*")):
        if path.suffix in (".py", ".yaml", ".csv"):
            digest.update(str(path.relative_to(room)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=1)
def git_sha() -> str:
    """Return the commit of the checkout, or ``unknown`` outside one."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=PROJECT_DIR, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return found.stdout.strip() or "unknown"

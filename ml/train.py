"""Train a task: prepare, fit the candidates, log everything to MLflow, judge by gates, move the aliases."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lake import derived
from lake.settings import Settings
from ml import candidates as cands
from ml import card, drift, figures, gates, leakage, plots, promote, registry, tables, tracking
from ml import task as tasks
from ml.candidates import Candidate
from ml.dataset import CannotLearn, Dataset, enrolled, prepare, refuse_hopeless
from ml.gates import Gate
from ml.models import bundle as bundles
from ml.models.bundle import Bundle, ModelUnusable
from ml.task import Task

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = ["CannotLearn", "TrainResult", "keep", "train"]


_FIGURES = "figures.json"
_WITH_INTERVAL = ("harrell_c", "auc", "brier", "observed_expected", "slope", "ici")


@dataclass(frozen=True)
class TrainResult:
    """What training did; everything in it is also in the MLflow run.

    ``reused``: an earlier run had the same task, core and code, and stands. ``verdict``: why this is the champion.
    ``metrics``: rows of ``model_metric``.
    """

    task: str
    task_hash: str
    core_version: str
    run_id: str
    reused: bool
    chosen: str
    champion: str | None
    champion_version: str | None
    verdict: str
    gates: list[Gate]
    metrics: list[dict[str, object]]
    n_people: int
    n_rows: int
    n_events: int
    seconds: float


def train(settings: Settings, name: str, tags: dict[str, str] | None = None) -> TrainResult:
    """Train one task and promote its best candidate if it passes the gates.

    Idempotent: the same task, core content and code reuse the finished run, unless the champion is damaged. A failure
    ends the run FAILED. Writes ``task_cohort``, ``task_attrition`` and ``model_metric``.

    Args:
        settings: where the lake and MLflow live, and how many threads may be used.
        name: a shipped task, or the path of a task's YAML file.
        tags: further tags of the run, such as Dagster's run id.

    Raises:
        CannotLearn: the cohort is empty or has too few events; cohort and attrition are written all the same.
    """
    started = time.monotonic()
    task = tasks.load(name)
    data = prepare(settings, task)
    derived.replace(settings, tables.TASK_COHORT, task.name, data.cohort)
    derived.replace(settings, tables.TASK_ATTRITION, task.name, data.attrition)
    refuse_hopeless(task, data)
    client = tracking.connect(settings)
    experiment = tracking.experiment(client, settings, task)
    key = hashlib.sha256(f"{task.hash}|{data.core_version}|{tracking.code_version()}".encode()).hexdigest()[:16]
    found = tracking.finished(client, experiment, key)
    if found and _still_loads(settings, client, task):
        result = _reuse(client, found.info.run_id, started)
    else:
        identity = {
            "twin.key": key,
            "task_hash": task.hash,
            "core_version": data.core_version,
            "code_version": tracking.code_version(),
            "git_sha": tracking.git_sha(),
            "disclaimer": "research use, not for care",
        }
        label = f"{task.name} {data.cutoff:%Y-%m-%d} {data.core_version[:6]}"
        with tracking.run(client, experiment, label, identity | (tags or {})) as run_id:
            result = _train(settings, client, task, data, experiment=experiment, run_id=run_id, started=started)
    derived.replace(settings, tables.MODEL_METRIC, task.name, figures.metric_table(result.metrics))
    return result


def _train(
    settings: Settings, client: MlflowClient, task: Task, data: Dataset, *, experiment: str, run_id: str, started: float
) -> TrainResult:
    threads = settings.threads
    outcome, rows = cands.test_outcome(data)
    leak_gate = _no_leaks(settings, task, data)
    tracking.log_dataset(client, run_id, settings, task, data.core_version)
    made = cands.fit_all(task, data, threads)
    chosen = cands.choose(made)
    # without an equation nothing may serve that has not passed the gates
    fallback = next((one for one in made if one.spec.kind == "recalibrated"), None)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        train_sample = data.sample.take(~data.is_test)
        logged: dict[str, tuple[str, str]] = {}
        finals: dict[str, Bundle] = {}
        for one in made:
            final = one.bundle
            if one in (chosen, fallback):
                final = bundles.fit_subsamples(final, train_sample, task.subsamples, threads=threads, seed=task.seed)
                final = with_profile(final, task, data)
            finals[one.spec.name] = final
            with tracking.run(client, experiment, one.spec.name, {"model": one.spec.name}, parent=run_id) as child:
                tracking.log_values(client, child, _candidate_params(one), {})
                address = tracking.log_model(settings, client, child, final, work / one.spec.name)
                tracking.log_values(client, child, {}, _candidate_metrics(one), model=address)
                logged[one.spec.name] = (address, child)
        champion = promote.champion_of(settings, client, task)
        champion_rival = promote.as_rival(champion, data, rows, chosen.assessed_days)
        verdicts = [leak_gate, registry.reloads(settings, logged[chosen.spec.name][0], work / chosen.spec.name)]
        verdicts += gates.judge(
            task,
            outcome,
            chosen.assessed_days,
            chosen.test_risk,
            found=chosen.test,
            rivals=promote.rivals(made, chosen, champion_rival),
            subsample_risks=bundles.subsample_risks(finals[chosen.spec.name], data.sample.values[rows]),
            groups=cands.subgroups(data, rows),
            censoring_c=cands.censoring_c(task, data, threads),
            champion=champion_rival,
        )
        winner, verdict, promoted = promote.decide(
            settings,
            task,
            client,
            chosen=chosen,
            fallback=fallback,
            champion=champion,
            verdicts=verdicts,
            why="\n".join(card.comparison(made, chosen, verdicts)),
            logged=logged,
            work=work,
        )
        metrics = figures.metric_rows(task, made, winner, data, run_id)
        result = TrainResult(
            task=task.name,
            task_hash=task.hash,
            core_version=data.core_version,
            run_id=run_id,
            reused=False,
            chosen=chosen.spec.name,
            champion=promoted.tags.get("model_name") if promoted else None,
            champion_version=promoted.version if promoted else None,
            verdict=verdict,
            gates=verdicts,
            metrics=metrics,
            n_people=len(np.unique(data.sample.person)),
            n_rows=len(data.sample.time),
            n_events=len(np.unique(data.sample.person[data.sample.event == 1])),
            seconds=time.monotonic() - started,
        )
        _log_parent(
            client,
            run_id,
            task,
            data,
            made=made,
            chosen=chosen,
            final=finals[chosen.spec.name],
            result=result,
            work=work,
        )
    return result


def keep(settings: Settings, name: str, why: str) -> TrainResult:
    """Keep the champion on new data: who is in the cohort now is written, the figures are those of its training.

    Raises:
        ModelUnusable: there is no champion.
    """
    started = time.monotonic()
    task = tasks.load(name)
    cohort, attrition = enrolled(settings, task)
    derived.replace(settings, tables.TASK_COHORT, task.name, cohort)
    derived.replace(settings, tables.TASK_ATTRITION, task.name, attrition)
    client = tracking.connect(settings)
    champion = registry.reigning(client, task.name)
    result = _reuse(client, tracking.origin(client, champion).info.run_id, started)
    derived.replace(settings, tables.MODEL_METRIC, task.name, figures.metric_table(result.metrics))
    verdict = f"{champion.tags.get('model_name')} v{champion.version} is kept: {why}"
    return replace(result, champion_version=champion.version, verdict=verdict)


def with_profile(made: Bundle, task: Task, data: Dataset) -> Bundle:
    """Return the model with what people looked like in the newest year of index dates it was trained on."""
    index_at = data.design.index_at
    newest = np.flatnonzero(index_at > index_at.max() - np.timedelta64(365, "D"))[::-1]
    once = np.unique(data.sample.person[newest], return_index=True)[1]
    values = data.sample.values[newest[once]]
    risk = bundles.predict(made, values).risk
    return replace(made, profile=drift.profile(data.design.names, values, risk, task.thresholds))


def _still_loads(settings: Settings, client: MlflowClient, task: Task) -> bool:
    champion = tracking.aliased(client, task.name, "champion")
    if champion is None:
        return True
    try:
        tracking.load(settings, f"models:/{task.name}/{champion.version}")
    except ModelUnusable:
        return False
    return True


def _no_leaks(settings: Settings, task: Task, data: Dataset) -> Gate:
    """G1: what of the leakage suite is cheap enough for every training; ``twin ml leakage`` runs all of it."""
    middle = np.sort(data.design.index_at)[len(data.design.index_at) // 2].astype(datetime)
    found = [
        leakage.as_of(data.design),
        *leakage.rebuilt(settings, task, at=middle, only=("L2", "L4")),
        leakage.no_person_twice(data),
        leakage.labels_end(data.sample.time, data.design.index_at, np.datetime64(data.cutoff, "us")),
    ]
    failed = [one for one in found if one.status == "fail"]
    told = "; ".join(f"{one.name}: {one.evidence}" for one in failed or found)
    return Gate("G1_leakage", "fail" if failed else "pass", told)


def _candidate_params(one: Candidate) -> dict[str, Any]:
    params: dict[str, Any] = {"kind": one.spec.kind, "offset": one.spec.offset, **one.spec.params}
    return params | {"calibration_event": one.bundle.calibrator[0], "calibration_competing": one.bundle.calibrator[1]}


def _candidate_metrics(one: Candidate) -> dict[str, float]:
    numbers = {f"test_{metric.name}": metric.value for metric in one.test}
    for metric in one.test:
        if metric.name in _WITH_INTERVAL:
            numbers |= {f"test_{metric.name}_low": metric.lower, f"test_{metric.name}_high": metric.upper}
    numbers |= {f"cv_{metric.name}": metric.value for metric in one.cv}
    return numbers | {"cv_log_likelihood": one.log_likelihood}


def _log_parent(
    client: MlflowClient,
    run_id: str,
    task: Task,
    data: Dataset,
    *,
    made: list[Candidate],
    chosen: Candidate,
    final: Bundle,
    result: TrainResult,
    work: Path,
) -> None:
    outcome, rows = cands.test_outcome(data)
    risks = {one.spec.name: one.test_risk for one in made}
    plots.calibration(outcome, risks, chosen.assessed_days, work / "calibration.png")
    plots.decision_curve(outcome, risks, chosen.assessed_days, work / "decision_curve.png")
    values = data.sample.values[rows]
    plots.contributions(
        final.fitted.columns,
        values,
        bundles.explain(final, values),
        f"What moves {chosen.spec.name}",
        work / "reasons.png",
    )
    text = card.write(task, data, made, chosen=chosen, gates=result.gates, verdict=result.verdict)
    (work / "model_card.md").write_text(text)
    (work / "task.json").write_text(task.model_dump_json(indent=1))
    (work / "result.json").write_text(json.dumps(asdict(result), indent=1, default=str))
    (work / _FIGURES).write_text(json.dumps(figures.as_table(result.metrics)))
    for name in ("calibration.png", "decision_curve.png", "reasons.png", "model_card.md", "task.json", "result.json"):
        client.log_artifact(run_id, str(work / name))
    client.log_artifact(run_id, str(work / _FIGURES))
    client.set_tag(run_id, "mlflow.loggedArtifacts", json.dumps([{"path": _FIGURES, "type": "table"}]))
    numbers = {f"test_{metric.name}": metric.value for metric in chosen.test}
    params = {
        "task": task.name,
        "horizon_days": task.horizon_days,
        "feature_set": task.feature_set,
        "n_features": len(data.design.columns),
        "n_people": result.n_people,
        "n_rows": result.n_rows,
        "n_people_with_event": result.n_events,
        "data_cutoff": data.cutoff.date(),
        "chosen": chosen.spec.name,
        "champion": result.champion,
    }
    tracking.log_values(client, run_id, params, numbers)
    client.set_tag(run_id, "verdict", result.verdict)
    client.set_tag(run_id, "mlflow.note.content", text)


def _reuse(client: MlflowClient, run_id: str, started: float) -> TrainResult:
    with tempfile.TemporaryDirectory() as scratch:
        path = client.download_artifacts(run_id, "result.json", scratch)
        stored = json.loads(Path(path).read_text())
    stored["gates"] = [Gate(**gate) for gate in stored["gates"]]
    return TrainResult(**(stored | {"reused": True, "seconds": time.monotonic() - started}))

"""Who serves: the chosen candidate against its gates, the reigning champion and the recalibrated equation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lake.settings import Settings
from ml import registry, tracking
from ml.candidates import Candidate, risk_at
from ml.dataset import Dataset
from ml.gates import Gate, Rival
from ml.models.bundle import Bundle, ModelUnusable
from ml.task import Task
from ml.tracking import Registered

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


def champion_of(settings: Settings, client: MlflowClient, task: Task) -> tuple[Registered, Bundle] | None:
    """Return the reigning champion of the same task declaration, if it still loads."""
    found = tracking.aliased(client, task.name, "champion")
    if found is None or found.tags.get("task_hash") != task.hash:
        return None
    try:
        return found, tracking.load(settings, f"models:/{task.name}/{found.version}")
    except ModelUnusable:
        return None


def as_rival(
    champion: tuple[Registered, Bundle] | None, data: Dataset, rows: np.ndarray, at_days: float
) -> Rival | None:
    """Return the champion as a rival on held-out rows; None where it wants other features than the data have."""
    if champion is None or champion[1].features != data.design.names:
        return None
    version, made = champion
    return Rival(f"champion v{version.version}", risk_at(made, data.sample.values[rows], at_days))


def rivals(made: list[Candidate], chosen: Candidate, champion: Rival | None) -> list[Rival]:
    """The recalibrated equation, or Cox where there is none, and the reigning champion."""
    plain = "recalibrated" if any(one.spec.kind == "recalibrated" for one in made) else "cox"
    found = [Rival(one.spec.name, one.test_risk) for one in made if one.spec.kind == plain and one is not chosen]
    return [*found, champion] if champion else found


def decide(
    settings: Settings,
    task: Task,
    client: MlflowClient,
    *,
    chosen: Candidate,
    fallback: Candidate | None,
    champion: tuple[Registered, Bundle] | None,
    verdicts: list[Gate],
    why: str,
    logged: dict[str, tuple[str, str]],
    work: Path,
) -> tuple[Candidate, str, Registered | None]:
    """Promote the chosen candidate when all gates pass; otherwise keep the champion, or fall back to the equation.

    The recalibrated equation may serve without held-out proof: it has a published form and two fitted numbers. It never
    replaces a champion that was promoted by passing the gates.
    """
    blocking = [gate for gate in verdicts if gate.status != "pass"]
    evidence = {f"gate.{gate.name}": f"{gate.status}: {gate.evidence}"[:4900] for gate in verdicts}
    base = {"task_hash": task.hash, "gates": "passed" if not blocking else "not passed"}
    challenger = tracking.register(
        client,
        task,
        logged[chosen.spec.name][0],
        logged[chosen.spec.name][1],
        base | evidence | {"model_name": chosen.spec.name},
        f"{chosen.spec.name}, best of the candidates by out-of-fold likelihood of the event.\n\n{why}",
    )
    client.set_registered_model_alias(task.name, "challenger", challenger.version)
    if not blocking:
        client.set_registered_model_alias(task.name, "champion", challenger.version)
        return chosen, f"{chosen.spec.name} passed all gates and is champion", challenger
    stopped = ", ".join(f"{gate.name} {gate.status}" for gate in blocking)
    if champion and champion[0].tags.get("gates") == "passed":
        return (
            chosen,
            f"{chosen.spec.name} stays challenger ({stopped}); champion v{champion[0].version} is kept",
            champion[0],
        )
    if fallback is None:
        return chosen, f"{chosen.spec.name} stays challenger ({stopped}); there is no equation to serve instead", None
    reload_gate = registry.reloads(settings, logged[fallback.spec.name][0], work / fallback.spec.name)
    if reload_gate.status != "pass" or verdicts[0].status != "pass":
        return chosen, f"{chosen.spec.name} stays challenger ({stopped}); nothing is fit to be champion", None
    version = challenger
    if fallback is not chosen:
        version = tracking.register(
            client,
            task,
            logged[fallback.spec.name][0],
            logged[fallback.spec.name][1],
            base
            | {
                "model_name": fallback.spec.name,
                "gates": "fallback",
                "gate.G2_reload": f"{reload_gate.status}: {reload_gate.evidence}",
                "fallback_for": f"{chosen.spec.name}: {stopped}",
            },
            f"{fallback.spec.name} serves because {chosen.spec.name} did not pass: {stopped}.\n\n{why}",
        )
    client.set_registered_model_alias(task.name, "champion", version.version)
    return fallback, f"{chosen.spec.name} did not pass ({stopped}); {fallback.spec.name} serves as champion", version

"""What a family of features is worth: C with everything, and without it, on people whom the model has not seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from lake.settings import Settings
from ml import candidates, evaluate
from ml import task as tasks
from ml.dataset import Dataset, prepare, refuse_hopeless
from ml.features.spec import Family
from ml.task import ModelSpec, Task


@dataclass(frozen=True)
class Ablation:
    """C of one kind of model with all features and without some, on people's first index date, cross-fitted.

    Everyone is scored by a model that was trained on other people; a quarter held out has too few events to show what
    one family adds.

    ``c_difference``: with minus without, and its bootstrap standard error. ``person_id`` and ``risk`` are those
    with all features, ``index_at`` their index dates, so that a benchmark can compare with an oracle.
    """

    task: str
    model: str
    without: tuple[str, ...]
    c_with: float
    c_without: float
    c_difference: float
    c_difference_se: float
    n: int
    n_events: int
    person_id: list[str]
    index_at: list[np.datetime64]
    risk: list[float]


def ablate(settings: Settings, name: str, without: Iterable[Family], model: str = "cox") -> Ablation:
    """Refit one candidate with all features and without the given families, and compare them on everyone.

    Nothing is logged or written. The equation inside an offset keeps its inputs: they are clinical.

    Args:
        settings: where the lake is.
        name: a shipped task, or the path of a task's YAML file.
        without: families to leave out: demographics, ehr, wearables, genome, environment.
        model: which candidate of the task.

    Raises:
        KeyError: the task has no such model.
    """
    task = tasks.load(name)
    spec = next((one for one in task.models if one.name == model), None)
    if spec is None:
        raise KeyError(f"{task.name} has no model {model!r}; it has: {', '.join(one.name for one in task.models)}")
    data = prepare(settings, task)
    refuse_hopeless(task, data)
    return ablations(task, spec, data, [without], settings.threads)[0]


def ablations(
    task: Task, spec: ModelSpec, data: Dataset, without: Iterable[Iterable[Family]], threads: int
) -> list[Ablation]:
    """The same on prepared data for several choices of what to leave out; the full model is fitted once."""
    rows = data.first
    outcome = evaluate.Outcome(data.sample.time[rows], data.sample.event[rows])
    full = candidates.cross_fitted_risk(task, spec, data, threads)
    found = []
    for one in without:
        families = tuple(sorted(set(one)))
        less = candidates.cross_fitted_risk(task, spec, _blanked(data, families), threads)
        difference, error = evaluate.compare_c(outcome, full, less, seed=task.seed)
        found.append(
            Ablation(
                task=task.name,
                model=spec.name,
                without=families,
                c_with=evaluate.harrell_c(outcome, full),
                c_without=evaluate.harrell_c(outcome, less),
                c_difference=difference,
                c_difference_se=error,
                n=int(rows.sum()),
                n_events=int((outcome.event == 1).sum()),
                person_id=[str(who) for who in data.design.person_id[rows]],
                index_at=list(data.design.index_at[rows]),
                risk=[float(risk) for risk in full],
            )
        )
    return found


def _blanked(data: Dataset, families: tuple[str, ...]) -> Dataset:
    """Return the data with these families unknown for everybody."""
    values = data.sample.values.copy()
    for number, column in enumerate(data.sample.columns):
        if column.family in families:
            values[:, number] = np.nan
    return replace(data, sample=replace(data.sample, values=values), design=replace(data.design, values=values))

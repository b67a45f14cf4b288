"""Recalibration: the champion's level and slope fitted again to what has happened since it was trained.

Only time at risk that began after the champion's data ended is used, those of its last recalibration included, of
everyone at every index date, so that the champion has not seen these outcomes even of people it was trained on.
Training people fit the two numbers; held-out people say whether they help.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lake.settings import Settings
from ml import registry, tracking
from ml import task as tasks
from ml.dataset import CannotLearn, Dataset, prepare
from ml.gates import Gate
from ml.models import discrete
from ml.models.bundle import Bundle
from ml.models.fitted import margins
from ml.train import with_profile

Floats = NDArray[np.float64]
FEWEST_EVENTS = 20
"""Events since training, among training people, that two numbers need."""


@dataclass(frozen=True)
class Recalibrated:
    """What recalibration did.

    ``before``, ``after``: [intercept, slope] on the model's own margins. ``gates``: what held-out people said;
    ``version``: the new champion's, or the old one's where it stays.
    """

    task: str
    model_name: str
    version: str
    promoted: bool
    before: list[float]
    after: list[float]
    n_events: int
    gates: list[Gate]
    verdict: str
    run_id: str


@dataclass(frozen=True)
class _Since:
    """Person-periods that began after a moment: margins (n, 2) as the champion gives them, what happened (n,)."""

    margin: Floats
    label: NDArray[np.int64]
    is_test: NDArray[np.bool_]


def recalibrate(settings: Settings, name: str, tags: dict[str, str] | None = None) -> Recalibrated:
    """Fit intercept and slope of a task's champion to outcomes since its training; promote it if held-out people agree.

    Raises:
        ModelUnusable: there is no champion, or it is damaged.
        CannotLearn: too little has happened since.
    """
    task = tasks.load(name)
    version, made = registry.champion(settings, task)
    client = tracking.connect(settings)
    trained = tracking.origin(client, version)
    until = tracking.data_until(client, version)
    data = prepare(settings, task)
    since = _periods(made, data, until)
    fitted_on, judged_on = ~since.is_test, since.is_test
    events = int((since.label[fitted_on] == 1).sum())
    if events < FEWEST_EVENTS:
        raise CannotLearn(
            f"{task.name}: {events} events since the champion's data ended on {until:%Y-%m-%d}, {FEWEST_EVENTS} are "
            "needed to recalibrate; wait, or train again"
        )
    a, b = _fit(since.margin[fitted_on], since.label[fitted_on])
    old = made.calibrator[0]
    new = [a + b * old[0], b * old[1]]
    renewed = with_profile(replace(made, calibrator=[new, made.calibrator[1]]), task, data)
    held = _held_out(since.margin[judged_on], since.label[judged_on], a, b)
    key = hashlib.sha256(f"{version.run_id}|{data.core_version}|recalibrated".encode()).hexdigest()[:16]
    identity = {
        "twin.key": key,
        "task_hash": task.hash,
        "core_version": data.core_version,
        "code_version": tracking.code_version(),
        "recalibrated_from": f"v{version.version}",
        "disclaimer": "research use, not for care",
    }
    experiment = tracking.experiment(client, settings, task)
    label = f"recalibrated v{version.version} {data.cutoff:%Y-%m-%d}"
    with (
        tempfile.TemporaryDirectory() as scratch,
        tracking.run(client, experiment, label, identity | (tags or {}), parent=trained.info.run_id) as run_id,
    ):
        params = {"data_cutoff": data.cutoff.date(), "n_events": events, "before": old, "after": new}
        tracking.log_values(client, run_id, params, {})
        address = tracking.log_model(settings, client, run_id, renewed, Path(scratch))
        gates = [registry.reloads(settings, address, Path(scratch)), held]
        passed = all(one.status == "pass" for one in gates)
        evidence = {f"gate.{one.name}": f"{one.status}: {one.evidence}" for one in gates}
        verdict = (
            f"{version.tags.get('model_name')} v{version.version} {'is recalibrated' if passed else 'stays as it is'}"
        )
        client.set_tag(run_id, "verdict", f"{verdict}: {held.evidence}")
        serving = version.version
        if passed:
            kept = {name: text for name, text in version.tags.items() if name not in evidence}
            kept["recalibrated_from"] = f"v{version.version}"
            serving = tracking.register(
                client, task, address, run_id, kept | evidence, f"{verdict}: {held.evidence}"
            ).version
            client.set_registered_model_alias(task.name, "champion", serving)
    return Recalibrated(
        task.name, version.tags.get("model_name", ""), serving, passed, old, new, events, gates,
        f"{verdict}: {held.evidence}", run_id,
    )  # fmt: skip


def _periods(made: Bundle, data: Dataset, until: datetime) -> _Since:
    sample = data.sample
    row, interval, label = discrete.expand(sample.time, sample.event, made.fitted.cuts)
    days = (data.design.index_at[row] - np.datetime64(until, "us")) / np.timedelta64(1, "D")
    later = days + made.fitted.cuts[interval] >= 0
    row, interval, label = row[later], interval[later], label[later]
    rows, position = np.unique(row, return_inverse=True)
    given = discrete.recalibrated(margins(made.fitted, sample.values[rows]), made.calibrator)
    return _Since(given[position, interval], label, data.is_test[row])


def _fit(margin: Floats, label: NDArray[np.int64]) -> tuple[float, float]:
    """Return intercept and slope of the event on margins; the slope stays near 1 unless events say otherwise."""
    used = label != 2
    design = np.column_stack([np.ones(used.sum()), margin[used, 0]])
    a, b = discrete.logistic_fit(design, (label[used] == 1).astype(float), np.array([1e-3, 20.0]), np.array([0.0, 1.0]))
    return float(a), max(float(b), 0.05)


def _held_out(margin: Floats, label: NDArray[np.int64], a: float, b: float) -> Gate:
    """Judge on held-out people's time since training: likelihood must rise, and O:E must not move away from 1."""
    moved = margin.copy()
    moved[:, 0] = a + b * margin[:, 0]
    found = []
    for one in (margin, moved):
        chance = discrete.hazards(one)
        of = np.column_stack([1 - chance.sum(axis=1), chance])[np.arange(len(label)), label]
        expected = float(chance[:, 0].sum())
        ratio = float((label == 1).sum()) / expected if expected else float("nan")
        found.append((float(np.log(np.maximum(of, 1e-12)).sum()), ratio))
    (before, ratio_before), (after, ratio_after) = found
    events = int((label == 1).sum())
    told = (
        f"held-out log likelihood {after - before:+.2f}, O:E {ratio_before:.2f} to {ratio_after:.2f}, {events} events"
    )
    if events < 5:
        return Gate("R1_held_out", "insufficient", told)
    nearer = abs(np.log(max(ratio_after, 1e-9))) <= abs(np.log(max(ratio_before, 1e-9))) + 0.02
    return Gate("R1_held_out", "pass" if after > before and nearer else "fail", told)

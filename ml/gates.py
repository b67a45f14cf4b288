"""Promotion gates: what a candidate must show on held-out people before it may become champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml import evaluate, resamples
from ml.evaluate import Metric, Outcome
from ml.task import Task

Floats = NDArray[np.float64]
Status = Literal["pass", "fail", "insufficient"]


@dataclass(frozen=True)
class Gate:
    """One gate's verdict with its evidence in words and numbers."""

    name: str
    status: Status
    evidence: str


@dataclass(frozen=True)
class Rival:
    """Another model on the same held-out people: the equation, or the reigning champion."""

    name: str
    risk: Floats


def judge(
    task: Task,
    outcome: Outcome,
    at_days: float,
    risk: Floats,
    *,
    found: list[Metric],
    rivals: list[Rival],
    subsample_risks: Floats,
    groups: dict[str, NDArray[np.bool_]],
    censoring_c: float,
    champion: Rival | None,
) -> list[Gate]:
    """Judge G3 to G8 on held-out people; G1 (leaks) and G2 (reload) are judged where they happen.

    A gate fails when the data speak against the candidate: a band is missed when the metric's whole 95 % interval lies
    outside it. With fewer held-out events than ``gates.min_events`` nothing can be said: the verdict is insufficient.
    """
    value = {one.name: one for one in found}
    enough = value["n_events"].value >= task.gates.min_events
    gates = [
        _not_worse(task, outcome, at_days, risk, rivals),
        _calibrated(task, outcome, at_days, risk, value=value, groups=groups),
        _useful(task, outcome, at_days, risk, rivals),
    ]
    if not enough:
        why = f"{value['n_events'].value:.0f} held-out events, {task.gates.min_events} needed; "
        gates = [Gate(one.name, "insufficient", why + one.evidence) for one in gates]
    gates.append(_stable(task, risk, subsample_risks))
    gates.append(Gate("G7_censoring", "pass", _censoring(task, censoring_c)))
    gates.append(_volume(task, risk, champion))
    return gates


def _censoring(task: Task, censoring_c: float) -> str:
    if not np.isfinite(censoring_c):
        return "too few people were lost to follow-up to model whom"
    remark = "; depends on features: read the IPCW metrics with care" if censoring_c > task.gates.censoring_c else ""
    return f"C of a model of censoring {censoring_c:.3f}{remark}"


def _not_worse(task: Task, outcome: Outcome, at_days: float, risk: Floats, rivals: list[Rival]) -> Gate:
    words, good = [], True
    for rival in rivals:
        difference, error = evaluate.compare_c(outcome, risk, rival.risk, seed=task.seed)
        loss, upper = _brier_loss(outcome, at_days, risk, rival.risk, task.seed)
        good &= bool(difference >= -task.gates.c_within_se * error) and upper <= task.gates.brier_loss
        words.append(
            f"C {difference:+.4f} (SE {error:.4f}), Brier {loss:+.5f} (at most {upper:+.5f}) against {rival.name}"
        )
    return Gate("G3_not_worse", "pass" if good else "fail", "; ".join(words))


def _brier_loss(outcome: Outcome, at_days: float, risk: Floats, other: Floats, seed: int) -> tuple[float, float]:
    counts = resamples.drawn(len(risk), 200, seed)
    draws = evaluate.briers(outcome, risk, at_days, counts) - evaluate.briers(outcome, other, at_days, counts)
    loss = evaluate.brier(outcome, risk, at_days) - evaluate.brier(outcome, other, at_days)
    return loss, float(np.quantile(draws, 0.975))


def _within(metric: Metric, band: tuple[float, float]) -> bool:
    low, high = (metric.lower, metric.upper) if np.isfinite(metric.lower) else (metric.value, metric.value)
    return bool(np.isfinite(metric.value) and high >= band[0] and low <= band[1])


def _calibrated(
    task: Task,
    outcome: Outcome,
    at_days: float,
    risk: Floats,
    *,
    value: dict[str, Metric],
    groups: dict[str, NDArray[np.bool_]],
) -> Gate:
    ratio, slope, ici = value["observed_expected"], value["slope"], value["ici"]
    good = _within(ratio, task.gates.observed_expected) and _within(slope, task.gates.slope)
    good &= _within(ici, (0.0, task.gates.ici))
    words = [
        f"O:E {ratio.value:.2f} ({ratio.lower:.2f}-{ratio.upper:.2f})",
        f"slope {slope.value:.2f}",
        f"ICI {ici.value:.3f}",
    ]
    for name, rows in groups.items():
        part = outcome.take(rows)
        if ((part.event == 1) & (part.time <= at_days)).sum() < task.gates.min_events:
            continue
        found = {one.name: one for one in evaluate.metrics(part, risk[rows], at_days, bootstrap=100, seed=task.seed)}
        good &= _within(found["observed_expected"], task.gates.subgroup_observed_expected)
        words.append(f"O:E {name} {found['observed_expected'].value:.2f}")
    return Gate("G4_calibrated", "pass" if good else "fail", ", ".join(words))


def _useful(task: Task, outcome: Outcome, at_days: float, risk: Floats, rivals: list[Rival]) -> Gate:
    """Net benefit is not significantly below the best of the rivals and of treating everyone, at every threshold."""
    everyone = Rival("treating everyone", np.ones_like(risk))
    counts = resamples.drawn(len(risk), 100, task.seed)
    words, good = [], True
    for threshold in task.thresholds:
        ours = evaluate.net_benefit(outcome, risk, at_days, [threshold])[0][1]
        best = max([*rivals, everyone], key=lambda r: evaluate.net_benefit(outcome, r.risk, at_days, [threshold])[0][1])
        theirs = evaluate.net_benefit(outcome, best.risk, at_days, [threshold])[0][1]
        differences = evaluate.net_benefits(outcome, risk, at_days, threshold, counts)
        differences = differences - evaluate.net_benefits(outcome, best.risk, at_days, threshold, counts)
        good &= bool(np.quantile(differences, 0.975) >= 0)
        words.append(f"at {threshold:.0%} {ours:.4f} against {theirs:.4f} ({best.name})")
    return Gate("G5_useful", "pass" if good else "fail", "net benefit " + ", ".join(words))


def _stable(task: Task, risk: Floats, subsample_risks: Floats) -> Gate:
    flips = {
        threshold: float(((subsample_risks >= threshold) != (risk >= threshold)[None, :]).mean())
        for threshold in task.thresholds
    }
    worst = max(flips.values())
    words = ", ".join(f"{share:.1%} at {threshold:.0%}" for threshold, share in flips.items())
    return Gate(
        "G6_stable", "pass" if worst <= task.gates.max_flips else "fail", f"people moved over a threshold: {words}"
    )


def _volume(task: Task, risk: Floats, champion: Rival | None) -> Gate:
    if champion is None:
        return Gate("G8_volume", "pass", "no champion to compare with")
    words, good = [], True
    for threshold in task.thresholds:
        ours, theirs = float((risk >= threshold).mean()), float((champion.risk >= threshold).mean())
        # one person more or less in a small cohort is not a change of volume
        tolerance = max(task.gates.volume_change * theirs, 2 * np.sqrt(max(theirs * (1 - theirs), 1e-9) / len(risk)))
        good &= abs(ours - theirs) <= tolerance
        words.append(f"{ours * 1e4:.0f} against {theirs * 1e4:.0f} per 10,000 at {threshold:.0%}")
    return Gate("G8_volume", "pass" if good else "fail", ", ".join(words))

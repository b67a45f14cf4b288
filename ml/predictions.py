"""The whole evaluation of predictions that somebody made: a table of follow-up, event and predicted risks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ml import evaluate
from ml.equations import table as tables
from ml.evaluate import Metric, Outcome
from ml.follow_up import BadCohort, Floats, Meaning, follow_up, numeric
from ml.survival_table import groups

_TIME = ("time", "t", "followup_days", "futime", "duration", "years", "days")
_EVENT = ("event", "status", "death", "event_type")
_RISK = ("risk", "pred", "predicted_risk", "prediction", "probability", "p")
CURVE_POINTS = 20


@dataclass(frozen=True)
class Comparison:
    """C of one prediction minus that of another, with its bootstrap standard error."""

    risk: str
    against: str
    c_difference: float
    standard_error: float


@dataclass(frozen=True)
class Assessment:
    """Everything about predicted risks at one time.

    Attributes:
        metrics: by risk column, over everyone. subgroups: by risk column and group; None where events are too few.
        calibration, decision: points (predicted, smoothed observed) and (threshold, net benefit, of treating all).
    """

    at: float
    asked: float
    n: int
    n_events: int
    n_competing: int
    rows: int
    dropped: dict[str, int]
    metrics: dict[str, list[Metric]]
    subgroups: dict[str, dict[str, list[Metric] | None]]
    calibration: dict[str, list[tuple[float, float]]]
    decision: dict[str, list[tuple[float, float, float]]]
    comparisons: list[Comparison]


def assess(
    path: Path,
    *,
    time: str | None = None,
    event: str | None = None,
    codes: Mapping[str | int | float | bool, Meaning] | None = None,
    risks: tuple[str, ...] = (),
    at: tuple[float, ...] = (),
    thresholds: tuple[float, ...] = (),
    subgroups: tuple[str, ...] = (),
    bootstrap: int = 200,
    seed: int = 1,
    min_events: int = 100,
) -> list[Assessment]:
    """Evaluate predicted risks of a table, at one or several times.

    Args:
        time, event, risks: columns; without them the usual names are looked for. Event is 0 censored, 1 event, 2
            competing, or what ``codes`` says; a risk is the probability of the event by ``at``.
        at: times, in the unit of the time column; without it the latest at which a tenth is still followed.
        min_events: events that a subgroup needs for figures.

    Raises:
        BadCohort: a column is absent or unusable, nobody or nobody with the event is left.
    """
    found = tables.read(path, typed=True)
    time, event = time or _usual(found, _TIME, "--time"), event or _usual(found, _EVENT, "--event")
    risks = risks or (_usual(found, _RISK, "--risk"),)
    rows = found.num_rows
    followed = follow_up(found, time, event, codes=codes)
    when, what, dropped, kept = followed.time, followed.event, followed.dropped, followed.kept
    predicted = {name: numeric(found, name) for name in risks}
    unknown = kept & ~np.all([np.isfinite(one) for one in predicted.values()], axis=0)
    if unknown.any():
        dropped["no predicted risk"] = int(unknown.sum())
        kept &= ~unknown
    if not kept.any():
        raise BadCohort("no row has a predicted risk")
    for name, risk in predicted.items():
        _probabilities(name, risk[kept])
    found = found.filter(pa.array(kept))
    outcome = Outcome(when[kept], what[kept])
    predicted = {name: risk[kept] for name, risk in predicted.items()}
    if not (outcome.event == 1).any():
        raise BadCohort("nobody with a predicted risk has the event")
    masks = {f"{name}={value}": mask for name in subgroups for value, mask in groups(found, name).items()}
    times = at or (evaluate.assessable_days(outcome, float(outcome.time.max())),)
    if wrong := [one for one in times if one <= 0]:
        raise BadCohort(f"--at must be above 0, not {wrong[0]:g}")
    return [
        _at(outcome, predicted, one, masks, thresholds, bootstrap, seed, min_events, rows, dropped) for one in times
    ]


def _at(
    outcome: Outcome,
    predicted: dict[str, Floats],
    asked: float,
    masks: dict[str, np.ndarray],
    thresholds: tuple[float, ...],
    bootstrap: int,
    seed: int,
    min_events: int,
    rows: int,
    dropped: dict[str, int],
) -> Assessment:
    at = evaluate.assessable_days(outcome, asked, share=1 / len(outcome.time))
    if not ((outcome.event == 1) & (outcome.time <= at)).any():
        raise BadCohort(f"nobody has the event by {at:g}; choose a later time with --at")
    marks = thresholds or _spread(predicted)
    metrics = {
        name: evaluate.metrics(outcome, risk, at, marks, bootstrap=bootstrap, seed=seed)
        for name, risk in predicted.items()
    }
    by_group: dict[str, dict[str, list[Metric] | None]] = {name: {} for name in predicted}
    for group, mask in masks.items():
        part = outcome.take(mask)
        enough = int(((part.event == 1) & (part.time <= at)).sum()) >= min_events
        for name, risk in predicted.items():
            by_group[name][group] = evaluate.metrics(part, risk[mask], at) if enough else None
    names = list(predicted)
    return Assessment(
        at,
        asked,
        len(outcome.time),
        int((outcome.event == 1).sum()),
        int((outcome.event == 2).sum()),
        rows,
        dropped,
        metrics,
        by_group,
        {name: _curve(outcome, risk, at) for name, risk in predicted.items()},
        {name: _decision(outcome, risk, at, marks) for name, risk in predicted.items()},
        [
            Comparison(one, names[0], *evaluate.compare_c(outcome, predicted[one], predicted[names[0]], seed=seed))
            for one in names[1:]
        ],
    )


def _curve(outcome: Outcome, risk: Floats, at: float) -> list[tuple[float, float]]:
    grid = np.unique(np.quantile(risk, np.linspace(0.01, 0.99, CURVE_POINTS)))
    smoothed = evaluate.calibration_curve(outcome, risk, at, grid)
    return [(float(one), float(seen)) for one, seen in zip(grid, smoothed, strict=True)]


def _decision(
    outcome: Outcome, risk: Floats, at: float, thresholds: tuple[float, ...]
) -> list[tuple[float, float, float]]:
    ours = evaluate.net_benefit(outcome, risk, at, thresholds)
    everyone = evaluate.net_benefit(outcome, np.ones_like(risk), at, thresholds)
    return [(one, benefit, all_) for (one, benefit), (_, all_) in zip(ours, everyone, strict=True)]


def _spread(predicted: dict[str, Floats]) -> tuple[float, ...]:
    """Thresholds to look at when nobody says which: round numbers inside the predicted risks."""
    low, high = (float(np.quantile(np.concatenate(list(predicted.values())), share)) for share in (0.05, 0.95))
    return tuple(one for one in (0.01, 0.03, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5) if low <= one <= high)


def _usual(found: pa.Table, names: tuple[str, ...], option: str) -> str:
    lower = {name.lower(): name for name in found.column_names}
    for name in names:
        if name in lower:
            return lower[name]
    raise BadCohort(
        f"no column is called {', '.join(names)}; name it with {option}. There are: {', '.join(found.column_names)}"
    )


def _probabilities(name: str, risk: Floats) -> None:
    if risk.min() < 0 or risk.max() > 1:
        percent = "; it looks like percent: divide by 100" if risk.min() >= 0 and 1 < risk.max() <= 100 else ""
        raise BadCohort(
            f"{name} must be a probability between 0 and 1, and lies between {risk.min():g} and {risk.max():g}{percent}"
        )

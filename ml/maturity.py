"""Delayed labels: scores that were given, held against what has happened since.

A score's outcome is known only after its horizon, but a risk by 30, 90 or 365 days can be judged much earlier; O:E
moves first when a population changes (reference/ml.md 3.6). Observed is Aalen and Johansen's risk of the people who
were scored then; expected is the mean of the risks they were given by the same age of the score.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lake import derived
from lake.settings import Settings
from ml import cohort, core, evaluate, tables
from ml.dataset import EVENTS
from ml.drift import Signal, Status
from ml.evaluate import Outcome
from ml.task import Task

Floats = NDArray[np.float64]


def matured(settings: Settings, task: Task, cutoff: datetime) -> list[tuple[str, Signal]]:
    """Return (which scores, O:E) for each age in days at which scores of this task can be judged by now.

    For every age the newest scores that are old enough; nobody is judged twice at one age.
    """
    given = _given(settings, task)
    found = []
    for days in sorted({one for one in task.monitoring.after_days if one <= task.horizon_days} | {task.horizon_days}):
        ripe = [moment for moment in given if moment + timedelta(days=days) <= cutoff]
        if ripe:
            version, people, curves, interval_days = given[max(ripe)]
            outcome, rows = _since(settings, task, max(ripe), cutoff, people)
            expected = _by(curves[rows], interval_days, days)
            detail = f"scores of {max(ripe):%Y-%m-%d} by v{version}"
            found.append((detail, observed_expected(task, outcome, expected, days)))
    return found


def observed_expected(task: Task, outcome: Outcome, risk: Floats, at_days: float) -> Signal:
    """Return O:E at an age of the scores, with the interval of Debray and colleagues (BMJ 2017;356:i6460).

    Args:
        risk: (n,), what the people of ``outcome`` were told for this time.
    """
    rules, n = task.monitoring, len(risk)
    name = f"{at_days:g} d"
    if not n:
        return Signal("calibration", name, 0, 0, "insufficient")
    events = int(((outcome.event == 1) & (outcome.time <= at_days)).sum())
    observed, expected = evaluate.observed(outcome, at_days), float(risk.mean())
    ratio = observed / expected if expected > 0 else math.nan
    # without any event the upper limit is what three events would give
    error = math.sqrt((1 - min(observed, 0.999)) / max(events, 1))
    low, high = ratio * math.exp(-1.96 * error), max(ratio, 1e-9) * math.exp(1.96 * error)
    if not events:
        low, high = 0.0, 3 / max(expected * n, 1e-9)
    status: Status = "ok"
    if max(events, expected * n) < rules.min_events:
        status = "insufficient"
    elif low > rules.observed_expected[1] or high < rules.observed_expected[0]:
        status = "alarm"
    elif not rules.observed_expected[0] <= ratio <= rules.observed_expected[1]:
        status = "watch"
    return Signal("calibration", name, n, events, status, observed, expected, ratio, low, high)


def _given(settings: Settings, task: Task) -> dict[datetime, tuple[str, list[str], Floats, float]]:
    """Return by scored date: the version that scored last, the people, their risks by interval (n, K), its days."""
    connection = duckdb.connect(":memory:")
    try:
        connection.register("history", derived.read(settings, tables.SCORE_HISTORY))
        rows = connection.sql(
            """
            with
                mine as (select * from history where task = $task and task_hash = $hash and len(risk_by_interval) > 0),
                last as (select as_of, arg_max(run_id || core_version, scored_at) as which from mine group by as_of)
            select as_of, model_version, interval_days, person_id, risk_by_interval
            from mine
            inner join last using (as_of)
            where run_id || core_version = which
            order by as_of, person_id
            """,
            params={"task": task.name, "hash": task.hash},
        ).to_arrow_table()
    finally:
        connection.close()
    found = {}
    moments = rows["as_of"].to_numpy()
    for moment in np.unique(moments):
        part = rows.filter(pa.array(moments == moment))
        curves = np.array(part["risk_by_interval"].to_pylist(), float)
        people = part["person_id"].to_pylist()
        found[moment.astype("datetime64[us]").astype(datetime)] = (
            part["model_version"][0].as_py(),
            people,
            curves,
            part["interval_days"][0].as_py(),
        )
    return found


def _since(
    settings: Settings, task: Task, scored_at: datetime, cutoff: datetime, people: list[str]
) -> tuple[Outcome, NDArray[np.int64]]:
    """Return what happened to the scored people, and their rows; without those whose onset lay before the score."""
    connection = core.open_core(settings)
    try:
        cohort.build_since(connection, task, scored_at, cutoff)
        rows = connection.sql(
            "select person_id, event_type, followup_days from cohort where eligible order by row_no"
        ).to_arrow_table()
    finally:
        connection.close()
    position = {person: number for number, person in enumerate(people)}
    kept = np.array([position.get(one, -1) for one in rows["person_id"].to_pylist()], np.int64)
    event = np.array([EVENTS[one] for one in rows["event_type"].to_pylist()], np.int64)
    outcome = Outcome(rows["followup_days"].to_numpy().astype(float), event)
    return outcome.take(kept >= 0), kept[kept >= 0]


def _by(curves: Floats, interval_days: float, at_days: float) -> Floats:
    """Return the risks by a time between the ends of intervals, where they rise evenly."""
    ends = interval_days * np.arange(curves.shape[1] + 1)
    whole = np.column_stack([np.zeros(len(curves)), curves])
    last = int(np.clip(np.searchsorted(ends, at_days) - 1, 0, curves.shape[1] - 1))
    share = min((at_days - ends[last]) / interval_days, 1.0)
    return np.asarray(whole[:, last] + share * (whole[:, last + 1] - whole[:, last]))

"""The figures of a training: one row per candidate, split, subgroup and metric."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ml import candidates as cands
from ml import evaluate, tables
from ml.candidates import Candidate
from ml.dataset import Dataset
from ml.evaluate import Metric
from ml.task import Task


def metric_rows(
    task: Task, made: list[Candidate], winner: Candidate, data: Dataset, run_id: str
) -> list[dict[str, object]]:
    """Figures of every candidate, held out and cross-validated, and of the winner in each subgroup."""
    outcome, rows = cands.test_outcome(data)
    first = data.first & ~data.is_test

    def listed(one: Candidate, split: str, subgroup: str, found: list[Metric], n: int) -> list[dict[str, object]]:
        events = int(next(metric.value for metric in found if metric.name == "n_events"))
        return [
            {
                "task": task.name,
                "model_name": one.spec.name,
                "model_version": task.hash,
                "run_id": run_id,
                "split": split,
                "subgroup": subgroup,
                "metric": metric.name,
                "value": _finite(metric.value),
                "lower": _finite(metric.lower),
                "upper": _finite(metric.upper),
                "n": n,
                "n_events": events,
            }
            for metric in found
            if metric.name != "n_events"
        ]

    found = []
    for one in made:
        found += listed(one, "test", "all", one.test, int(rows.sum()))
        found += listed(one, "cv", "all", one.cv, int(first.sum()))
    for name, mask in cands.subgroups(data, rows).items():
        part = outcome.take(mask)
        # below ten events a subgroup's figures are noise
        if ((part.event == 1) & (part.time <= winner.assessed_days)).sum() >= 10:
            risk = winner.test_risk[mask]
            found += listed(winner, "test", name, evaluate.metrics(part, risk, winner.assessed_days), int(mask.sum()))
    return found


def as_table(rows: list[dict[str, object]]) -> dict[str, object]:
    """Figures of all candidates and subgroups in the form that MLflow's UI shows as a table."""
    names = ("model_name", "split", "subgroup", "metric", "value", "lower", "upper", "n", "n_events")
    return {"columns": names, "data": [[one[name] for name in names] for one in rows]}


def metric_table(rows: list[dict[str, object]]) -> pa.Table:
    """Figures as rows of the table ``model_metric``."""
    return pa.Table.from_pylist(rows, schema=tables.MODEL_METRIC.schema)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

"""Who enters a task, step by step, and what happened to them: without features, without training."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lake.settings import Settings
from ml import cohort, core
from ml import task as tasks
from ml.dataset import CannotLearn


@dataclass(frozen=True)
class Flow:
    """Attrition of a task.

    ``steps``: (step, person-index-dates left). ``outcomes``: (none, event or competing; index dates; people).
    """

    task: str
    task_hash: str
    cutoff: datetime
    steps: list[tuple[str, int]]
    outcomes: list[tuple[str, int, int]]


def flow(settings: Settings, name: str) -> Flow:
    """Return the attrition of a shipped task, or of a task's YAML file.

    Raises:
        CannotLearn: core holds no clinical fact.
        ml.core.CoreUnusable: core is missing or incomplete.
    """
    task = tasks.load(name)
    connection = core.open_core(settings)
    try:
        cutoff = core.data_cutoff(connection)
        if cutoff is None:
            raise CannotLearn(f"{task.name}: core holds no clinical fact to predict from; land clinical data first")
        cohort.build(connection, task, cutoff)
        steps = cohort.attrition(connection, task).to_pylist()
        outcomes = connection.execute(
            "select event_type, count(*), count(distinct person_id) from cohort where eligible"
            " group by all order by all"
        ).fetchall()
    finally:
        connection.close()
    return Flow(task.name, task.hash, cutoff, [(one["step"], one["n"]) for one in steps], outcomes)

"""A task's data: cohort, features and outcome arrays, and the checks that refuse what cannot be learned from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lake.settings import Settings
from ml import cohort, core
from ml.features import build as features
from ml.features.build import Design
from ml.features.spec import load_set
from ml.models.clinical import check_units
from ml.models.fitted import Sample
from ml.task import Task

EVENTS = {"none": 0, "event": 1, "competing": 2}


class CannotLearn(Exception):
    """The cohort does not hold what training needs; the message says what and what to do."""


@dataclass(frozen=True)
class Dataset:
    """Everything training needs, rows in the order of (person_id, index_at).

    Attributes:
        cohort: columns of ``task_cohort`` for every person and index date, eligible or not.
        design, sample: features and outcomes of the eligible rows.
        is_test, fold, first: held out; inner fold; the person's first eligible index date (one row per person, on which
            everything is evaluated, so that people count once).
    """

    core_version: str
    cutoff: datetime
    cohort: pa.Table
    attrition: pa.Table
    design: Design
    sample: Sample
    is_test: NDArray[np.bool_]
    fold: NDArray[np.int64]
    first: NDArray[np.bool_]


def version(settings: Settings) -> str:
    """Return the content version of core, without building anything."""
    connection = core.open_core(settings)
    try:
        return core.version(settings, connection)
    finally:
        connection.close()


def enrolled(settings: Settings, task: Task) -> tuple[pa.Table, pa.Table]:
    """Return the rows of ``task_cohort`` and ``task_attrition``, without features.

    Raises:
        CannotLearn: core holds no clinical fact.
    """
    connection = core.open_core(settings)
    try:
        return _enrol(connection, task)[1:]
    finally:
        connection.close()


def prepare(settings: Settings, task: Task) -> Dataset:
    """Build cohort and features of a task from core. Whether they are worth learning from, ``refuse_hopeless`` judges.

    Raises:
        CannotLearn: core holds no clinical fact, so that there is no date to predict from.
        ml.core.CoreUnusable: core is missing or incomplete.
        ml.features.build.Leak: a feature knew the future.
    """
    feature_set = load_set(task.feature_set)
    for use in task.equations:
        check_units(use, feature_set.columns)
    connection = core.open_core(settings)
    try:
        cutoff, rows, flow = _enrol(connection, task)
        design = features.build(connection, feature_set)
        content = core.version(settings, connection)
    finally:
        connection.close()
    eligible = rows.filter(rows["eligible"])
    person = eligible["person_id"].to_numpy(zero_copy_only=False)
    codes, first = np.unique(person, return_index=True)
    is_first = np.zeros(len(person), bool)
    is_first[first] = True
    sample = Sample(
        design.columns,
        design.values,
        eligible["followup_days"].to_numpy(),
        np.array([EVENTS[one] for one in eligible["event_type"].to_pylist()], np.int64),
        np.searchsorted(codes, person),
    )
    is_test = eligible["split"].to_numpy(zero_copy_only=False) == "test"
    return Dataset(content, cutoff, rows, flow, design, sample, is_test, eligible["fold"].to_numpy(), is_first)


def person_overlap(dataset: Dataset) -> int:
    """Return how many people stand on both sides of the held-out split or in two folds; must be 0."""
    person, is_test = dataset.sample.person, dataset.is_test
    both = np.intersect1d(person[is_test], person[~is_test])
    pairs = np.unique(np.column_stack([person[~is_test], dataset.fold[~is_test]]), axis=0)
    return len(both) + len(pairs) - len(np.unique(pairs[:, 0]))


def refuse_hopeless(task: Task, dataset: Dataset) -> None:
    """Refuse data that no model can be learned from or judged on.

    Raises:
        CannotLearn: nobody is eligible, or too few training people have the outcome.
    """
    if not len(dataset.sample.time):
        raise CannotLearn(f"{task.name}: nobody is eligible at any index date; `twin ml cohort {task.name}` shows why")
    for name, rows in (("training", ~dataset.is_test), ("held-out", dataset.is_test)):
        if not rows.any():
            raise CannotLearn(f"{task.name}: no {name} people are eligible; land more data")
    people = len(np.unique(dataset.sample.person[(dataset.sample.event == 1) & ~dataset.is_test]))
    if people < task.folds:
        raise CannotLearn(
            f"{task.name}: only {people} training people have the outcome, at least {task.folds} are needed; "
            "land more follow-up, or check the condition codes of the outcome"
        )


def _enrol(connection: duckdb.DuckDBPyConnection, task: Task) -> tuple[datetime, pa.Table, pa.Table]:
    cutoff = core.data_cutoff(connection)
    if cutoff is None:
        raise CannotLearn(f"{task.name}: core holds no clinical fact to predict from; land clinical data first")
    cohort.build(connection, task, cutoff)
    return cutoff, _table(connection, task), cohort.attrition(connection, task)


def _table(connection: duckdb.DuckDBPyConnection, task: Task) -> pa.Table:
    query = f"""
        select
            '{task.name}' as task,
            '{task.hash}' as task_hash,
            person_id,
            index_at,
            age_years,
            sex,
            eligible,
            ineligible_reason,
            event_type,
            event_at,
            exit_at,
            followup_days,
            split,
            fold
        from cohort
        order by person_id, index_at
    """
    return connection.sql(query).to_arrow_table()

"""Leakage suite L1 to L11: proofs that no feature, label, split or score knows what could not be known.

The checks on features rebuild them at one index date on a core whose future was changed and compare every column. One
that differs looked ahead, whatever its provenance says (reference/ml.md 3.6: a rebuild finds what a review does not).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import duckdb
import numpy as np
from numpy.typing import NDArray

from lake import derived
from lake.settings import Settings
from ml import changed_core, cohort, core, evaluate, resamples, tables
from ml import task as tasks
from ml.dataset import CannotLearn, Dataset, person_overlap, prepare, refuse_hopeless
from ml.evaluate import Outcome
from ml.features import build as features
from ml.features.build import Design, leak_check
from ml.features.spec import FeatureSet, load_set
from ml.models import discrete
from ml.models.fitted import Sample, fit, margins
from ml.quality import copies
from ml.task import ModelSpec, Task

Floats = NDArray[np.float64]
Status = Literal["pass", "fail", "insufficient"]
Predict = Callable[[Sample, NDArray[np.int64]], Floats]
"""Sample and folds (n,) to scores of each row (n,) by models that did not see its fold."""

PERMUTATIONS = 20
"""Label shuffles: one has a standard deviation of .035 and can show nothing (reference/ml.md 3.6)."""
_FEWEST_EVENTS = 20
_SINGLE_AUC = 0.90
_SHARE = 0.60
_Z = 3.0


@dataclass(frozen=True)
class Finding:
    """What one check found. ``columns``: the features concerned."""

    name: str
    status: Status
    evidence: str
    columns: tuple[str, ...] = ()


def suite(settings: Settings, name: str, *, seed: int = 1) -> list[Finding]:
    """Run all checks of a task on the core of this home.

    Raises:
        CannotLearn: there is no cohort to check on.
        ml.features.build.Leak: a feature says itself that it knew the future (L1).
    """
    task = tasks.load(name)
    data = prepare(settings, task)
    refuse_hopeless(task, data)
    return [
        as_of(data.design),
        *rebuilt(settings, task),
        shuffled_labels(data.sample, data.fold, seed=seed),
        too_good_alone(data.sample, data.first),
        no_person_twice(data),
        labels_end(data.sample.time, data.design.index_at, np.datetime64(data.cutoff, "us")),
        time_machine(settings, task),
        negative_control(data.sample, data.fold, seed=seed),
        no_copies(settings),
    ]


def no_copies(settings: Settings) -> Finding:
    """Q1: no two measurements are copies of each other: one of them is then another thing than it says."""
    found = copies(settings)
    told = ", ".join(f"{one.concept} equals {one.other} in {one.share:.0%} of {one.n:,}" for one in found)
    names = tuple(sorted({name for one in found for name in (one.concept, one.other)}))
    return Finding("Q1_copied_results", "fail" if found else "pass", told or "no measurement copies another", names)


def as_of(design: Design) -> Finding:
    """L1: every value was known, and observed, by its index date."""
    late = leak_check(design)
    return _finding(
        "L1_as_of", sorted(late), f"{design.values.size:,} values with the moment they were known", "known too late"
    )


def rebuilt(
    settings: Settings, task: Task, at: datetime | None = None, only: tuple[str, ...] = ("L2", "L3", "L4", "L5")
) -> list[Finding]:
    """L2 to L5: features rebuilt at one index date on changed futures, on late arrivals and on other labels.

    Args:
        at: the index date; the middle one by default. only: which of the four; each rebuilds the features once.

    Raises:
        CannotLearn: nobody is eligible at the date.
    """
    feature_set = load_set(task.feature_set)
    connection = core.open_core(settings)
    try:
        cutoff = core.data_cutoff(connection)
        dates = [] if cutoff is None else task.index.dates(cutoff)
        if not dates:
            raise CannotLearn(f"{task.name}: there is no index date to check at")
        moment = at or dates[len(dates) // 2]
        changed_core.copy(connection)
        true = _designed(connection, task, feature_set, moment)
        if not len(true.person_id):
            raise CannotLearn(f"{task.name}: nobody is eligible at {moment:%Y-%m-%d}, so nothing can be checked")
        found = []
        for label, change, what in (
            ("L2_future_shuffle", changed_core.alter, "every later row altered"),
            ("L3_future_truncate", changed_core.truncate, "every later row removed"),
            ("L4_ingestion_time", changed_core.late, "late copies of every result"),
        ):
            if label[:2] not in only:
                continue
            changed_core.restore(connection)
            change(connection, moment)
            found.append(
                _same(label, true, _designed(connection, task, feature_set, moment), f"{what} at {moment:%Y-%m-%d}")
            )
        if "L5" in only:
            changed_core.restore(connection)
            found.append(_label_blind(connection, task, feature_set, dates, cutoff))
        return found
    finally:
        connection.close()


def shuffled_labels(
    sample: Sample, fold: NDArray[np.int64], *, seed: int = 1, predict: Predict | None = None
) -> Finding:
    """L6: models of shuffled outcomes are at chance. People keep their rows together; outcomes move between people."""
    random = np.random.default_rng(seed)
    people = np.unique(sample.person)
    if len(np.unique(sample.person[sample.event == 1])) < _FEWEST_EVENTS:
        return Finding("L6_label_shuffle", "insufficient", f"fewer than {_FEWEST_EVENTS} people with the event")
    first = np.unique(sample.person, return_index=True)[1]
    aucs = []
    for _ in range(PERMUTATIONS):
        order = dict(zip(people, random.permutation(first), strict=True))
        source = np.array([order[one] for one in sample.person])
        mixed = Sample(sample.columns, sample.values, sample.time[source], sample.event[source], sample.person)
        aucs.append(_auc(mixed, (predict or _predicted)(mixed, fold), first))
    return _chance("L6_label_shuffle", np.array(aucs), f"{PERMUTATIONS} shuffles")


def too_good_alone(sample: Sample, first: NDArray[np.bool_], importance: Floats | None = None) -> Finding:
    """L7: no feature alone orders people nearly perfectly, nor carries most of a model; who does is in quarantine."""
    part = sample.take(first)
    outcome = Outcome(part.time, part.event)
    at_days = evaluate.assessable_days(outcome, float(part.time.max()))
    weight = resamples.ipcw(outcome.time, outcome.event, np.ones((1, len(part.time))), at_days)
    case = (outcome.time <= at_days) & (outcome.event == 1)
    suspects = {}
    for number, column in enumerate(part.columns):
        value = part.values[:, number]
        known = np.isfinite(value)
        if case[known].sum() < _FEWEST_EVENTS or (~case)[known].sum() < _FEWEST_EVENTS:
            continue
        auc = float(resamples.auc(value[known], case[known], weight[:, known])[0])
        if max(auc, 1 - auc) > _SINGLE_AUC:
            suspects[column.name] = f"AUC {max(auc, 1 - auc):.2f}"
    if importance is not None and importance.sum() > 0:
        share = importance / importance.sum()
        if share.max() > _SHARE:
            suspects[part.columns[int(share.argmax())].name] = f"{share.max():.0%} of the model"
    told = ", ".join(f"{name} ({why})" for name, why in suspects.items())
    return Finding(
        "L7_single_feature",
        "fail" if suspects else "pass",
        told or f"no feature of {len(part.columns)} alone reaches AUC {_SINGLE_AUC}",
        tuple(suspects),
    )


def no_person_twice(data: Dataset) -> Finding:
    """L8: nobody stands on both sides of a split, or in two folds."""
    overlap = person_overlap(data)
    return Finding("L8_person_overlap", "fail" if overlap else "pass", f"{overlap} people on both sides of a split")


def labels_end(time: Floats, index_at: NDArray[np.datetime64], limit: np.datetime64) -> Finding:
    """L9: no training label uses follow-up from after ``limit``: the data cutoff, or where the held-out time begins."""
    spare = (limit - index_at) / np.timedelta64(1, "D")
    beyond = int((np.asarray(time) > spare + 1e-6).sum())
    day = np.datetime_as_string(limit, unit="D")
    return Finding(
        "L9_label_as_of", "fail" if beyond else "pass", f"{beyond} of {len(time):,} labels reach beyond {day}"
    )


def time_machine(settings: Settings, task: Task) -> Finding:
    """L10: what is computed today for the date of the stored scores is what was computed then."""
    stored = derived.read(settings, tables.FEATURE_VALUE_LATEST)
    connection = duckdb.connect(":memory:")
    try:
        connection.register("stored", stored)
        rows = connection.execute(
            "select person_id, index_at, feature, value from stored where task = $task", {"task": task.name}
        ).fetchnumpy()
    finally:
        connection.close()
    if not len(rows["person_id"]):
        return Finding("L10_time_machine", "insufficient", "nothing was scored yet")
    moment = rows["index_at"].max().astype("datetime64[us]").astype(datetime)
    feature_set = load_set(task.feature_set)
    opened = core.open_core(settings)
    try:
        now = _designed(opened, task, feature_set, moment)
    finally:
        opened.close()
    row, number = np.nonzero(~np.isnan(now.values))
    today = dict(
        zip(
            zip(now.person_id[row], np.array(now.names, object)[number], strict=True),
            now.values[row, number],
            strict=True,
        )
    )
    then = dict(zip(zip(rows["person_id"], rows["feature"], strict=True), rows["value"], strict=True))
    differ = {key[1] for key in then.keys() ^ today.keys()}
    differ |= {key[1] for key in then.keys() & today.keys() if abs(then[key] - today[key]) > 1e-9}
    return _finding(
        "L10_time_machine", sorted(differ), f"{len(then):,} values of {moment:%Y-%m-%d} computed again", "differ"
    )


def negative_control(
    sample: Sample, fold: NDArray[np.int64], *, seed: int = 1, predict: Predict | None = None
) -> Finding:
    """L11: outcomes drawn by lot per person, as frequent as the real one, cannot be predicted.

    A person keeps the same lot at every index date, so that a split which lets a person be seen before is found.
    """
    people, number = np.unique(sample.person, return_inverse=True)
    share = len(np.unique(sample.person[sample.event == 1])) / len(people)
    first = np.unique(sample.person, return_index=True)[1]
    aucs = []
    for draw in range(PERMUTATIONS):
        lots = [int(hashlib.sha256(f"{seed}|{draw}|{one}".encode()).hexdigest()[:12], 16) / 16**12 for one in people]
        hit = (np.array(lots) < share)[number].astype(np.int64)
        if not 0 < hit.sum() < len(hit):
            return Finding("L11_negative_control", "insufficient", "too few people for a drawn outcome")
        whole = np.full(len(hit), float(sample.time.max()))
        drawn = Sample(sample.columns, sample.values, whole, hit, sample.person)
        aucs.append(_auc(drawn, (predict or _predicted)(drawn, fold), first))
    return _chance("L11_negative_control", np.array(aucs), f"{PERMUTATIONS} outcomes drawn by lot")


def _chance(name: str, aucs: Floats, what: str) -> Finding:
    """Judge whether the mean of several AUCs is at chance; two sided, because predicting the opposite leaks as well."""
    aucs = aucs[np.isfinite(aucs)]
    if len(aucs) < 2:
        return Finding(name, "insufficient", "no AUC could be computed")
    # cross-validation makes shuffled AUCs a little worse than chance: the fold with more cases trains on fewer
    z = (aucs.mean() - 0.5) / max(aucs.std(ddof=1) / np.sqrt(len(aucs)), 1e-9)
    far = z > _Z and aucs.mean() > 0.52
    return Finding(name, "fail" if far else "pass", f"AUC {aucs.mean():.3f} over {what} (z {z:+.1f})")


def _auc(sample: Sample, score: Floats, first: NDArray[np.int64]) -> float:
    part = sample.take(first)
    outcome = Outcome(part.time, part.event)
    return evaluate.auc(outcome, score[first], evaluate.assessable_days(outcome, float(part.time.max())))


def _predicted(sample: Sample, fold: NDArray[np.int64]) -> Floats:
    """Score each row by a small model of the other folds' people."""
    cuts = np.array([0.0, float(sample.time.max())])
    model = ModelSpec(name="probe", kind="lightgbm", params={"rounds": 15, "num_leaves": 8, "learning_rate": 0.1})
    found = np.zeros(len(sample.time))
    for held in np.unique(fold):
        made = fit(model, None, sample.take(fold != held), cuts, threads=1, seed=1)
        rows = fold == held
        found[rows] = discrete.cumulative_incidence(margins(made, sample.values[rows]), cuts, cuts[-1])[0]
    return found


def _label_blind(
    connection: duckdb.DuckDBPyConnection,
    task: Task,
    feature_set: FeatureSet,
    dates: list[datetime],
    cutoff: datetime | None,
) -> Finding:
    """L5: the outcome of a row changes nothing of its features."""
    assert cutoff is not None
    cohort.build(connection, task, cutoff)
    true = features.build(connection, feature_set)
    connection.execute(
        "update cohort set event_type = case event_type when 'event' then 'none' else 'event' end,"
        " event_at = index_at + to_days(1), exit_at = index_at + to_days(1), followup_days = 1"
    )
    return _same(
        "L5_label_blind", true, features.build(connection, feature_set), f"every label flipped, {len(dates)} dates"
    )


def _designed(connection: duckdb.DuckDBPyConnection, task: Task, feature_set: FeatureSet, at: datetime) -> Design:
    cohort.build_for_scoring(connection, task, at)
    return features.build(connection, feature_set)


def _same(name: str, true: Design, other: Design, what: str) -> Finding:
    """Compare two designs column by column."""
    if list(true.person_id) != list(other.person_id):
        return Finding(name, "fail", f"{what}: other people are eligible", ("eligibility",))
    differ = [column for number, column in enumerate(true.names) if not _equal(true, other, number)]
    return _finding(name, differ, f"{len(true.names)} features of {len(true.person_id):,} rows, {what}", "changed")


def _equal(one: Design, other: Design, number: int) -> bool:
    """Compare a column: moments exactly, values to the last digit kept, which the order of a sum may move by one."""
    return bool(
        np.allclose(one.values[:, number], other.values[:, number], rtol=0, atol=2e-6, equal_nan=True)
        and np.array_equal(one.known_at[:, number], other.known_at[:, number], equal_nan=True)
        and np.array_equal(one.event_at[:, number], other.event_at[:, number], equal_nan=True)
    )


def _finding(name: str, wrong: list[str], checked: str, verb: str) -> Finding:
    told = f"{checked}; {verb}: {', '.join(wrong)}" if wrong else f"{checked}; none {verb}"
    return Finding(name, "fail" if wrong else "pass", told, tuple(wrong))

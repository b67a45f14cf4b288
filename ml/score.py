"""The champion scores everyone eligible at the latest date: risk, interval, equation, percentile, band and reasons."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lake import derived
from lake.settings import Settings
from ml import actions, cohort, core, monitor, registry, tables, tracking
from ml import task as tasks
from ml.equations import get
from ml.features import build as features
from ml.features.build import Design
from ml.features.spec import load_set
from ml.models import bundle as bundles
from ml.models.bundle import Bundle, ModelUnusable, Prediction
from ml.models.clinical import equation_result
from ml.monitor import Watched
from ml.task import Task

Reasons = Literal["auto", "all", "top", "none"]
_REASONS = 5
_REASON_BATCH = 50_000
"""Rows explained at a time, so that a million people need bounded memory."""
_EVERYONE = 20_000
_FEWEST_PEERS = 10


@dataclass(frozen=True)
class ScoreResult:
    """What scoring did.

    ``bands``: people per band; ``median_risk`` over the scored; ``watched``: what monitoring saw.
    """

    task: str
    task_hash: str
    as_of: datetime
    core_version: str
    model_name: str
    model_version: str
    run_id: str
    n_scored: int
    n_ineligible: int
    bands: dict[str, int]
    median_risk: float | None
    watched: Watched


def score(settings: Settings, name: str, reasons: Reasons = "auto") -> ScoreResult:
    """Score everyone at core's data cutoff with the champion.

    Nobody gets a score without being eligible; who is not has a row with the reason. Writes ``scored_cohort``,
    ``score_history``, ``feature_value_latest`` and ``model_monitor``.

    Args:
        reasons: who gets reasons, which cost a hundred times what a score does: all, the tenth at highest risk (top),
            none; auto is all of up to 20,000 people, else top.

    Raises:
        ModelUnusable: there is no champion, it was trained for another declaration of the task, or it is damaged.
    """
    task = tasks.load(name)
    version, made = registry.champion(settings, task)
    feature_set = load_set(task.feature_set)
    if made.features != [column.name for column in feature_set.columns]:
        raise ModelUnusable(f"the champion of {task.name} expects other features than its set has; train again")
    connection = core.open_core(settings)
    try:
        as_of = core.data_cutoff(connection)
        if as_of is None:
            raise ModelUnusable("core holds no clinical fact, so there is nobody to score; land clinical data first")
        content = core.version(settings, connection)
        cohort.build_for_scoring(connection, task, as_of)
        people = connection.sql(
            "select person_id, eligible, ineligible_reason from cohort order by row_no nulls last, person_id"
        ).to_arrow_table()
        design = features.build(connection, feature_set)
    finally:
        connection.close()
    predicted = _predicted(task, made, design)
    moved = monitor.compare(made, task, design, predicted.risk)
    rows = _rows(
        task,
        version,
        made,
        design,
        predicted=predicted,
        people=people,
        as_of=as_of,
        content=content,
        drifted=monitor.has_drifted(task, moved),
        reasons=reasons,
    )
    before = _before(settings, task, as_of)
    scored = _keep_times(settings, task, _with_before(rows, before))
    derived.replace(settings, tables.SCORED_COHORT, task.name, scored)
    _remember(settings, task, scored)
    derived.replace(settings, tables.FEATURE_VALUE_LATEST, task.name, latest(task, design))
    watched = monitor.record(settings, task, version, moved, as_of=as_of, content=content)
    risk = rows["risk"].drop_null().to_numpy()
    bands = rows["band"].drop_null().value_counts().to_pylist()
    return ScoreResult(
        task=task.name,
        task_hash=task.hash,
        as_of=as_of,
        core_version=content,
        model_name=made.fitted.spec.name,
        model_version=version.version,
        run_id=version.run_id,
        n_scored=len(risk),
        n_ineligible=people.num_rows - len(risk),
        bands={band.name: next((b["counts"] for b in bands if b["values"] == band.name), 0) for band in task.bands},
        median_risk=float(np.median(risk)) if len(risk) else None,
        watched=watched,
    )


def _predicted(task: Task, made: Bundle, design: Design) -> Prediction:
    if not len(design.values):
        nothing = np.empty(0)
        return Prediction(nothing, nothing, nothing, nothing, np.empty((0, len(made.fitted.cuts) - 1)))
    predicted = bundles.predict(made, design.values)
    if not np.isfinite(predicted.risk).all():
        raise ModelUnusable(f"the champion of {task.name} gave no risk for some eligible people; train again")
    return predicted


def _rows(
    task: Task,
    version: tracking.Registered,
    made: Bundle,
    design: Design,
    *,
    predicted: Prediction,
    people: pa.Table,
    as_of: datetime,
    content: str,
    drifted: bool,
    reasons: Reasons,
) -> pa.Table:
    """Return the columns of ``scored_cohort`` but ``scored_at``; eligible people first, in the order of the design."""
    total, scored = people.num_rows, len(design.person_id)
    equation = None
    if scored and task.equation:
        equation = equation_result(task.equation, design.columns, design.values)
    risk = predicted.risk
    edges = np.array([band.from_risk for band in task.bands])
    names = np.array([band.name for band in task.bands])
    band = names[np.searchsorted(edges, risk, side="right") - 1] if scored else names[:0]
    risk_equation, defaulted = np.full(scored, np.nan), [""] * scored
    if equation is not None and task.equation is not None:
        too_many = equation.defaulted.sum(axis=1) > task.equation.max_defaulted
        risk_equation, defaulted = np.where(too_many, np.nan, equation.risk), equation.defaulted_names()

    def padded(values: object, kind: pa.DataType) -> pa.Array:
        array = pa.array(values, kind, from_pandas=True)
        return pa.concat_arrays([array, pa.nulls(total - scored, kind)])

    def same(value: object, kind: pa.DataType) -> pa.Array:
        return pa.repeat(pa.scalar(value, kind), total)

    text, number = pa.string(), pa.float64()
    return pa.table(
        {
            "task": same(task.name, text),
            "task_hash": same(task.hash, text),
            "person_id": people["person_id"],
            "as_of": same(as_of, pa.timestamp("us")),
            "horizon_days": same(task.horizon_days, pa.int64()),
            "model_name": same(made.fitted.spec.name, text),
            "model_version": same(version.version, text),
            "run_id": same(version.run_id, text),
            "core_version": same(content, text),
            "risk": padded(risk, number),
            "risk_lo": padded(predicted.risk_lo, number),
            "risk_hi": padded(predicted.risk_hi, number),
            "equation_name": same(get(task.equation.name).name if task.equation else None, text),
            "risk_equation": padded(risk_equation, number),
            "risk_competing": padded(predicted.risk_competing, number),
            "percentile": padded(_percentile(risk), number),
            "percentile_age_sex": padded(_percentile_among_peers(design, risk), number),
            "band": padded(list(map(str, band)), text),
            "n_features_missing": padded(np.isnan(design.values).sum(axis=1), pa.int64()),
            "key_inputs_missing": padded(_key_inputs_missing(task, design), text),
            "defaulted_inputs": padded(defaulted, text),
            "eligible": people["eligible"],
            "ineligible_reason": people["ineligible_reason"],
            "reasons": padded(_reasons(made, design, _explained(risk, reasons)), text),
            "out_of_range_inputs": padded(equation.out_of_range_names() if equation else [""] * scored, text),
            "oldest_input_days": padded(_oldest(design), number),
            "actions": padded(actions.recommended(task, design, risk, risk_equation, as_of), text),
            "drift_flag": same(drifted, pa.bool_()),
            "interval_days": same(float(made.fitted.cuts[1] - made.fitted.cuts[0]), number),
            "risk_by_interval": padded(_lists(predicted.risk_by_interval), pa.list_(number)),
        }
    )


def _lists(rows: np.ndarray) -> pa.Array:
    """Return a matrix (n, K) as n lists."""
    ends = np.arange(0, rows.size + 1, max(rows.shape[1], 1), dtype=np.int32)
    return pa.ListArray.from_arrays(ends, np.ascontiguousarray(rows).ravel())


def _percentile(risk: np.ndarray) -> np.ndarray:
    rank = np.argsort(np.argsort(risk, kind="stable"), kind="stable")
    return 100 * (rank + 0.5) / max(len(risk), 1)


def _percentile_among_peers(design: Design, risk: np.ndarray) -> np.ndarray:
    """Return each person's rank among those of the same sex and ten years of age; NaN with fewer than ten of them."""
    found = np.full(len(risk), np.nan)
    peers = design.column("age_years") // 10 * 2 + design.column("sex_male")
    for one in np.unique(peers):
        rows = peers == one
        if rows.sum() >= _FEWEST_PEERS:
            found[rows] = _percentile(risk[rows])
    return found


def _key_inputs_missing(task: Task, design: Design) -> list[str]:
    """Return per person the labels of what the accepted model of the task asks for and nobody knew."""
    names = set(task.equation.inputs.values()) if task.equation else {n for one in task.models for n in one.features}
    found = np.full(len(design.values), "", dtype=object)
    for number, column in enumerate(design.columns):
        if column.name in names:
            here = np.isnan(design.values[:, number])
            found[here] = np.where(found[here] == "", column.label, found[here] + (", " + column.label))
    return list(map(str, found))


def _oldest(design: Design) -> np.ndarray:
    """Return the days since the oldest value behind each person's score was observed (n,)."""
    days = (design.index_at[:, None] - design.event_at) / np.timedelta64(1, "D")
    days = np.where(np.isnat(design.event_at), -np.inf, days)
    oldest = days.max(axis=1, initial=-np.inf)
    return np.where(np.isfinite(oldest), oldest, np.nan)


def _before(settings: Settings, task: Task, as_of: datetime) -> pa.Table:
    """Return each person's latest earlier score of the task: person_id, risk_before, as_of_before."""
    history = derived.read(settings, tables.SCORE_HISTORY)
    connection = duckdb.connect(":memory:")
    try:
        connection.register("history", history)
        return connection.sql(
            """
            select person_id, arg_max(risk, (as_of, scored_at)) as risk_before, max(as_of) as as_of_before
            from history
            where task = $task and as_of < $at::timestamp
            group by person_id
            """,
            params={"task": task.name, "at": as_of},
        ).to_arrow_table()
    finally:
        connection.close()


def _with_before(rows: pa.Table, before: pa.Table) -> pa.Table:
    position = pc.index_in(rows["person_id"], before["person_id"].combine_chunks())
    for name, kind in (("risk_before", pa.float64()), ("as_of_before", pa.timestamp("us"))):
        rows = rows.append_column(name, pc.take(before[name].cast(kind), position))
    return rows


def _remember(settings: Settings, task: Task, scored: pa.Table) -> None:
    """Add the scores to the history; what stands there is never written again."""
    given = scored.filter(scored["eligible"])
    if not given.num_rows:
        return
    first = given.slice(0, 1).to_pylist()[0]
    part = f"{task.name}.{first['as_of']:%Y%m%dT%H%M%S}.v{first['model_version']}.{first['core_version']}"
    if not (settings.derived / tables.SCORE_HISTORY.name / f"{part}.parquet").exists():
        derived.replace(settings, tables.SCORE_HISTORY, part, given)


def _explained(risk: np.ndarray, asked: Reasons) -> np.ndarray:
    """Return which rows get reasons."""
    if asked == "auto":
        asked = "all" if len(risk) <= _EVERYONE else "top"
    if asked == "top":
        return np.sort(np.argsort(-risk, kind="stable")[: -(-len(risk) // 10)])
    return np.arange(len(risk) if asked == "all" else 0)


def _reasons(made: Bundle, design: Design, explained: np.ndarray) -> list[str | None]:
    """Return per person the five groups of features that move the score most, as JSON, each with what was observed;
    None for who is not among the ``explained`` rows.

    Contributions of one clinical group are added up; the group is shown by its member that moves most and is known.
    """
    columns = design.columns
    groups = sorted({column.group for column in columns})
    member = np.array([[column.group == group for column in columns] for group in groups], float)
    found: list[str | None] = [None] * len(design.values)
    for start in range(0, len(explained), _REASON_BATCH):
        rows = explained[start : start + _REASON_BATCH]
        values = design.values[rows]
        added = bundles.explain(made, values)
        by_group = added @ member.T
        top = np.argsort(-np.abs(by_group), axis=1, kind="stable")[:, :_REASONS]
        strength = np.where(np.isnan(values), -1.0, np.abs(added))
        shown = np.stack([np.where(mask > 0, strength, -2.0).argmax(axis=1) for mask in member], axis=1)
        observed = np.datetime_as_string(design.event_at[rows], unit="D")
        for row in range(len(values)):
            reasons = []
            for group in top[row]:
                weight = float(by_group[row, group])
                if abs(weight) < 1e-4:
                    continue
                number = int(shown[row, group])
                known = not np.isnan(values[row, number])
                reasons.append(
                    {
                        "feature": columns[number].name,
                        "label": columns[number].label if known else f"{groups[group]}: not known",
                        "value": round(float(values[row, number]), 3) if known else None,
                        "unit": columns[number].unit,
                        "observed_at": str(observed[row, number]) if known else None,
                        "contribution": round(weight, 4),
                    }
                )
            found[rows[row]] = json.dumps(reasons, ensure_ascii=False)
    return found


def latest(task: Task, design: Design) -> pa.Table:
    """Return the features behind the scores as rows of ``feature_value_latest``."""
    row, number = np.nonzero(~np.isnan(design.values))
    names, units = np.array(design.names, object), np.array([column.unit for column in design.columns], object)
    return pa.table(
        {
            "task": pa.repeat(pa.scalar(task.name), len(row)),
            "person_id": pa.array(design.person_id[row], pa.string()),
            "index_at": pa.array(design.index_at[row]),
            "feature": pa.array(names[number], pa.string()),
            "value": design.values[row, number],
            "unit": pa.array(units[number], pa.string()),
            "event_at": pa.array(design.event_at[row, number]),
            "known_at": pa.array(design.known_at[row, number]),
        },
        schema=tables.FEATURE_VALUE_LATEST.schema,
    )


def _keep_times(settings: Settings, task: Task, rows: pa.Table) -> pa.Table:
    """Add ``scored_at``: now, or the earlier time when the same model scored the same core before."""
    schema = tables.SCORED_COHORT.schema
    before = derived.read(settings, tables.SCORED_COHORT)
    connection = duckdb.connect(":memory:")
    try:
        connection.register("before", before)
        connection.register("now_rows", rows)
        found = connection.execute(
            """
            select max(b.scored_at)
            from before as b
            inner join (select distinct task, task_hash, core_version, run_id, as_of from now_rows) as n
                using (task, task_hash, core_version, run_id, as_of)
            """
        ).fetchone()
    finally:
        connection.close()
    moment = found[0] if found and found[0] else datetime.now(UTC).replace(tzinfo=None)
    return rows.append_column("scored_at", pa.repeat(pa.scalar(moment, pa.timestamp("us")), rows.num_rows)).select(
        schema.names
    )

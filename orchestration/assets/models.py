"""Models: per task the cohort, the model that won, and what it says about everyone today."""

import base64
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow as pa

from lake import derived
from lake.settings import Settings
from ml import tables
from ml import task as tasks
from ml.task import Task
from orchestration import staleness
from orchestration.assets.raw import column_schema, markdown_table
from orchestration.assets.warehouse import EXPORT
from orchestration.resources import Home

if TYPE_CHECKING:
    from ml.drift import Signal
    from ml.train import TrainResult

OWNERS = ["team:machine-learning"]
LEAKAGE = "G1_leakage"
WRITTEN_BY = {
    tables.TASK_COHORT.name: "cohort",
    tables.TASK_ATTRITION.name: "cohort",
    tables.MODEL_METRIC.name: "model",
    tables.FEATURE_VALUE_LATEST.name: "scores",
    tables.SCORED_COHORT.name: "scores",
    tables.SCORE_HISTORY.name: "scores",
    tables.MODEL_MONITOR.name: "scores",
}
"""Which asset of a task writes which derived table."""
EQUATIONS = dg.AssetKey(["models", "equations"])
FORCE = "twin/models"
"""Tag of a run that says what to do with the models: train or recalibrate; without it the build decides."""
WATCHED = {
    "features_hold": (("feature", "missing"), "The people scored are those of the training snapshot, feature by feature"
    " and in what is not known of them (PSI with its test; shares with theirs)."),
    "scores_hold": (("score", "volume"), "Scores and the number of people over each threshold are those of the training"
    " snapshot."),
    "calibration_holds": (("calibration",), "Scores given 30 days to the whole horizon ago have come true: observed"
    " over expected (Aalen-Johansen) within the task's band."),
}  # fmt: skip
"""What monitoring says of the scores, as checks that warn."""


def results() -> dict[str, list[dg.AssetKey]]:
    """The assets that write each derived table of the models: one per task."""
    found = {table: [_key(task, what) for task in tasks.built()] for table, what in WRITTEN_BY.items()}
    return found | {tables.EQUATION_RISK.name: [EQUATIONS]}


def assets() -> dict[str, list[dg.AssetsDefinition]]:
    """Training and scoring of every task that builds train, and the equations of everyone, by stage."""
    found = {staleness.models(name): _task_assets(tasks.load(name)) for name in tasks.built()}
    return {staleness.EQUATIONS: [_equations()], **found}


def _equations() -> dg.AssetsDefinition:
    @dg.asset(
        key=EQUATIONS,
        deps=[EXPORT],
        kinds={"python", "duckdb", "parquet"},
        description="Clinical equations (PREVENT, PCE, Framingham, FINDRISC, KFRE, CKD-EPI …) of everyone at the latest"
        " date, with the inputs that were defaulted or out of range. Research use, not for care.",
        metadata={"dagster/column_schema": column_schema(tables.EQUATION_RISK.schema)},
        group_name="models",
        owners=OWNERS,
    )
    def equations(home: Home) -> dg.MaterializeResult:
        from ml.dataset import CannotLearn
        from ml.equations_now import compute

        settings = home.settings()
        with staleness.running(settings, staleness.EQUATIONS):
            try:
                rows = compute(settings)
            except CannotLearn as error:
                derived.replace(settings, tables.EQUATION_RISK, "all", tables.EQUATION_RISK.schema.empty_table())
                return dg.MaterializeResult(metadata={"dagster/row_count": 0, "not_computed": str(error)})
        given = rows.num_rows - rows["result"].null_count
        return dg.MaterializeResult(metadata={"dagster/row_count": rows.num_rows, "with_a_result": given})

    return equations


def _key(task: str, what: str) -> dg.AssetKey:
    return dg.AssetKey(["models", task, what])


def _task_assets(task: Task) -> list[dg.AssetsDefinition]:
    cohort, model, scores = (_key(task.name, what) for what in ("cohort", "model", "scores"))

    @dg.multi_asset(
        name=f"train_{task.name}",
        specs=[
            dg.AssetSpec(
                cohort,
                deps=[EXPORT],
                kinds={"python", "duckdb", "parquet"},
                description=f"One row per person and index date of {task.title}: eligible or why not, and what"
                " happened within the horizon. Uses only what was known at the index date.",
                metadata={"dagster/column_schema": column_schema(tables.TASK_COHORT.schema)},
                group_name="models",
                owners=OWNERS,
            ),
            dg.AssetSpec(
                model,
                deps=[cohort],
                kinds={"python", "lightgbm", "mlflow"},
                description=f"The candidates for {task.title} (clinical equation, recalibrated equation, LightGBM),"
                " trained, compared on held-out people and judged by gates. Only a model that passes becomes champion."
                " It is kept on new data until these have grown, people have drifted or its risks no longer come true."
                " The run with plots and card is in MLflow.",
                metadata={"dagster/column_schema": column_schema(tables.MODEL_METRIC.schema)},
                group_name="models",
                owners=OWNERS,
            ),
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "nothing_leaks",
                asset=model,
                blocking=True,
                description="No feature value was known after its index date; features rebuilt on an altered future and"
                " with late results are the same; nobody is on both sides of a split; no label reaches beyond the data."
                " `twin ml leakage` runs the whole suite.",
            ),
            dg.AssetCheckSpec(
                "gates",
                asset=model,
                description="The best candidate passes every gate. If not, the champion before it, or the recalibrated"
                " equation, keeps serving.",
            ),
        ],
    )
    def train(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        from ml.dataset import CannotLearn

        settings = home.settings()
        try:
            result = _upkeep(settings, task.name, context.run.tags.get(FORCE), {"dagster_run_id": context.run_id})
        except CannotLearn as error:
            yield dg.MaterializeResult(asset_key=cohort, metadata={"dagster/row_count": 0})
            yield dg.MaterializeResult(asset_key=model, metadata={"verdict": f"not trained: {error}"})
            yield dg.AssetCheckResult(asset_key=model, check_name="nothing_leaks", passed=True)
            yield dg.AssetCheckResult(
                asset_key=model,
                check_name="gates",
                passed=False,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"verdict": f"not trained: {error}"},
            )
            return
        yield dg.MaterializeResult(
            asset_key=cohort,
            metadata={
                "dagster/row_count": result.n_rows,
                "people": result.n_people,
                "people_with_event": result.n_events,
                "core_version": result.core_version,
                "attrition": dg.MetadataValue.md(_attrition(settings, task.name)),
            },
        )
        yield dg.MaterializeResult(
            asset_key=model,
            metadata={
                "verdict": result.verdict,
                "champion": f"{result.champion} v{result.champion_version}" if result.champion else "none",
                "mlflow_run": result.run_id,
                "seconds": round(result.seconds, 1),
                "metrics": dg.MetadataValue.md(_metrics(result.metrics)),
                **_plots(settings, task.name, result.run_id),
            },
        )
        gates = markdown_table(
            ("gate", "status", "evidence"), [(one.name, one.status, one.evidence) for one in result.gates]
        )
        yield dg.AssetCheckResult(
            asset_key=model,
            check_name="nothing_leaks",
            passed=all(one.status == "pass" for one in result.gates if one.name == LEAKAGE),
            metadata={"evidence": "; ".join(one.evidence for one in result.gates if one.name == LEAKAGE)},
        )
        yield dg.AssetCheckResult(
            asset_key=model,
            check_name="gates",
            passed=all(one.status == "pass" for one in result.gates),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"verdict": result.verdict, "gates": dg.MetadataValue.md(gates)},
        )

    @dg.asset(
        key=scores,
        deps=[model],
        kinds={"python", "mlflow", "parquet"},
        check_specs=[dg.AssetCheckSpec(name, asset=scores, description=told) for name, (_, told) in WATCHED.items()],
        description=f"One row per person: the risk of {task.title} today with interval, the clinical equation's risk,"
        " top reasons, and the model version that says so; or why there is none. Research use, not for care.",
        metadata={"dagster/column_schema": column_schema(tables.SCORED_COHORT.schema)},
        group_name="models",
        owners=OWNERS,
    )
    def score(home: Home) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        from ml.models.bundle import ModelUnusable
        from ml.score import score as say

        settings = home.settings()
        started = time.perf_counter()
        with staleness.running(settings, staleness.models(task.name)):
            try:
                result = say(settings, task.name)
            except ModelUnusable as error:
                _forget_scores(settings, task.name)
                yield dg.MaterializeResult(metadata={"dagster/row_count": 0, "not_scored": str(error)})
                yield from _no_model(scores)
                return
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": result.n_scored + result.n_ineligible,
                "scored": result.n_scored,
                "not_eligible": result.n_ineligible,
                "as_of": str(result.as_of),
                "model": f"{result.model_name} v{result.model_version}",
                "bands": dg.MetadataValue.md(markdown_table(("band", "people"), sorted(result.bands.items()))),
                "calls_for": f"{result.watched.decision.action}: {'; '.join(result.watched.decision.reasons)}",
                "seconds": round(time.perf_counter() - started, 3),
            }
        )
        yield from _checks(scores, result.watched.signals)

    return [train, score]


def _upkeep(settings: Settings, task: str, asked: str | None, tags: dict[str, str]) -> "TrainResult":
    """Train, recalibrate or keep the model: as the run's tag says, else as the state of model and data calls for.

    Raises:
        CannotLearn: there is too little to train from.
    """
    from ml import train
    from ml.dataset import CannotLearn
    from ml.monitor import Decision, due
    from ml.recalibrate import recalibrate

    found = Decision(asked, ("asked for",)) if asked in ("train", "recalibrate") else due(settings, task)  # type: ignore[arg-type]
    why = "; ".join(found.reasons)
    if found.action == "train":
        return train.train(settings, task, tags | {"why": why})
    if found.action == "recalibrate":
        try:
            why = recalibrate(settings, task, tags | {"why": why}).verdict
        except CannotLearn as error:
            why = str(error)
    return train.keep(settings, task, why)


def _checks(scores: dg.AssetKey, signals: "list[Signal]") -> Iterator[dg.AssetCheckResult]:
    for name, (kinds, _) in WATCHED.items():
        mine = [one for one in signals if one.kind in kinds]
        shown = [one for one in mine if one.status in ("alarm", "watch")] or mine[:10]
        table = markdown_table(
            ("what", "status", "now", "then", "PSI, difference or O:E"),
            [
                (f"{one.kind} {one.name}", one.status, *map(_plain, (one.value, one.reference, one.statistic)))
                for one in shown
            ],
        )
        yield dg.AssetCheckResult(
            asset_key=scores,
            check_name=name,
            passed=all(one.status != "alarm" for one in mine),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"watched": len(mine), "signals": dg.MetadataValue.md(table)},
        )


def _no_model(scores: dg.AssetKey) -> Iterator[dg.AssetCheckResult]:
    for name in WATCHED:
        yield dg.AssetCheckResult(asset_key=scores, check_name=name, passed=True, metadata={"watched": 0})


def _plain(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"


def _forget_scores(settings: Settings, task: str) -> None:
    """Without a model that may serve, no one has a score: yesterday's are not passed on as today's."""
    for table in (tables.SCORED_COHORT, tables.FEATURE_VALUE_LATEST):
        derived.replace(settings, table, task, table.schema.empty_table())


def _attrition(settings: Settings, task: str) -> str:
    rows = derived.read(settings, tables.TASK_ATTRITION).to_pylist()
    mine = sorted((one for one in rows if one["task"] == task), key=lambda one: one["step_no"])
    return markdown_table(("step", "left"), [(one["step"], f"{one['n']:,}") for one in mine])


def _metrics(rows: list[dict[str, Any]]) -> str:
    """Held-out figures of all candidates, over everyone."""
    table = pa.Table.from_pylist(rows) if rows else None
    if table is None:
        return "none"
    held_out = [one for one in table.to_pylist() if one["split"] == "test" and one["subgroup"] == "all"]
    return markdown_table(
        ("model", "metric", "value", "95 % interval"),
        [(one["model_name"], one["metric"], _number(one["value"]), _interval(one)) for one in held_out],
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _interval(row: dict[str, Any]) -> str:
    return "" if row["lower"] is None else f"{row['lower']:.3f} to {row['upper']:.3f}"


def _plots(settings: Settings, task: str, run_id: str) -> dict[str, dg.MarkdownMetadataValue]:
    """The run's plots, shown in the UI. They show groups of people, never one."""
    folder = settings.mlflow / "artifacts" / task / run_id / "artifacts"
    found = {}
    for name in ("calibration", "decision_curve"):
        path = folder / f"{name}.png"
        if path.exists():
            image = base64.b64encode(path.read_bytes()).decode()
            found[name] = dg.MetadataValue.md(f"![{name}](data:image/png;base64,{image})")
    return found

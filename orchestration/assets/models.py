"""Models: per task the cohort, the model that won, and what it says about everyone today."""

import base64
import time
from collections.abc import Iterator
from typing import Any

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

OWNERS = ["team:machine-learning"]
LEAKAGE = "G1_leakage"
WRITTEN_BY = {
    tables.TASK_COHORT.name: "cohort",
    tables.TASK_ATTRITION.name: "cohort",
    tables.MODEL_METRIC.name: "model",
    tables.FEATURE_VALUE_LATEST.name: "scores",
    tables.SCORED_COHORT.name: "scores",
}
"""Which asset of a task writes which derived table."""


def results() -> dict[str, list[dg.AssetKey]]:
    """The assets that write each derived table of the models: one per task."""
    return {table: [_key(task, what) for task in tasks.built()] for table, what in WRITTEN_BY.items()}


def assets() -> dict[str, list[dg.AssetsDefinition]]:
    """Training and scoring of every task that builds train, by stage."""
    return {staleness.models(name): _task_assets(tasks.load(name)) for name in tasks.built()}


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
        from ml.train import train as fit

        settings = home.settings()
        try:
            result = fit(settings, task.name, {"dagster_run_id": context.run_id})
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
        description=f"One row per person: the risk of {task.title} today with interval, the clinical equation's risk,"
        " top reasons, and the model version that says so; or why there is none. Research use, not for care.",
        metadata={"dagster/column_schema": column_schema(tables.SCORED_COHORT.schema)},
        group_name="models",
        owners=OWNERS,
    )
    def score(home: Home) -> dg.MaterializeResult:
        from ml.models.bundle import ModelUnusable
        from ml.score import score as say

        settings = home.settings()
        started = time.perf_counter()
        with staleness.running(settings, staleness.models(task.name)):
            try:
                result = say(settings, task.name)
            except ModelUnusable as error:
                _forget_scores(settings, task.name)
                return dg.MaterializeResult(metadata={"dagster/row_count": 0, "not_scored": str(error)})
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": result.n_scored + result.n_ineligible,
                "scored": result.n_scored,
                "not_eligible": result.n_ineligible,
                "as_of": str(result.as_of),
                "model": f"{result.model_name} v{result.model_version}",
                "bands": dg.MetadataValue.md(markdown_table(("band", "people"), sorted(result.bands.items()))),
                "seconds": round(time.perf_counter() - started, 3),
            }
        )

    return [train, score]


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

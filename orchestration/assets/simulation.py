"""Simulations: models are held against their targets first; then courses, scenarios and treatments of people."""

import base64
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from lake import derived
from lake.settings import Settings
from lake.tables import Table
from orchestration import staleness
from orchestration.assets import models
from orchestration.assets.raw import column_schema, markdown_table
from orchestration.assets.warehouse import EXPORT
from orchestration.resources import Home
from orchestration.simulation_log import logged
from simulation import tables

OWNERS = ["team:simulation"]
ENGINES = ("antimony", "libsbml", "roadrunner")
"""What the optional extra ``simulation`` brings."""
VALIDATION = dg.AssetKey(["derived", tables.SIM_VALIDATION.name])
PEOPLE = tuple(table for table in tables.DERIVED if table is not tables.SIM_VALIDATION)


def assets() -> list[dg.AssetsDefinition]:
    """Qualification, which blocks, and what follows for people."""

    @dg.multi_asset(
        name="qualify_simulations",
        specs=[_spec(tables.SIM_VALIDATION, [EXPORT])],
        check_specs=[
            dg.AssetCheckSpec(
                "qualified",
                asset=VALIDATION,
                blocking=True,
                description="Every model meets the figures of its paper, the laws of conservation and the other engine."
                " If one does not, nothing is simulated for anybody. A published trial that is not predicted is a"
                " miss: shown, never blocking.",
            )
        ],
    )
    def qualify(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        settings = home.settings()
        if missing := _missing():
            _write(settings, tables.SIM_VALIDATION, [])
            yield dg.MaterializeResult(
                asset_key=VALIDATION, metadata={"dagster/row_count": 0, "not_installed": missing}
            )
            yield dg.AssetCheckResult(
                asset_key=VALIDATION,
                check_name="qualified",
                passed=False,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"reason": f"the optional extra 'simulation' is not installed: {missing}"},
            )
            return
        from simulation import pictures, qualification

        found = qualification.validate()
        _write(settings, tables.SIM_VALIDATION, qualification.rows(found))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "published_trials.png"
            pictures.forest(found, path)
            shown = _shown([path])
            counts = Counter(one.verdict for one in found)
            run = logged(
                settings, "qualification", "qualification", {"targets": len(found)}, counts, [path],
                dagster_run_id=context.run_id,
            )  # fmt: skip
        lines = [
            (one.model, one.target, f"{one.expected:g}", f"{one.found:.4g}", one.role, one.verdict) for one in found
        ]
        yield dg.MaterializeResult(
            asset_key=VALIDATION,
            metadata={
                "dagster/row_count": len(found),
                "mlflow_run": run,
                **{f"targets_{verdict}": count for verdict, count in sorted(counts.items())},
                "targets": dg.MetadataValue.md(
                    markdown_table(("model", "target", "published", "found", "role", "verdict"), lines)
                ),
                **shown,
            },
        )
        failed = [f"{one.model}: {one.target}" for one in found if one.verdict == "fail"]
        yield dg.AssetCheckResult(
            asset_key=VALIDATION,
            check_name="qualified",
            passed=not failed,
            metadata={"failed": "; ".join(failed) or "none", "misses": counts["miss"]},
        )

    scored = [key for one in models.results().values() for key in one]

    @dg.multi_asset(
        name="simulate_people", specs=[_spec(table, [VALIDATION, EXPORT, *dict.fromkeys(scored)]) for table in PEOPLE]
    )
    def simulate(context: dg.AssetExecutionContext, home: Home) -> Iterator[dg.MaterializeResult]:
        settings = home.settings()
        started = time.perf_counter()
        with staleness.running(settings, staleness.SIMULATION):
            if missing := _missing():
                for table in PEOPLE:
                    _write(settings, table, [])
                rows = dict.fromkeys((one.name for one in PEOPLE), 0)
                metadata: dict[str, Any] = {"not_installed": missing}
            else:
                rows, metadata = _simulated(settings, context.run_id)
        metadata["seconds_all_tables"] = round(time.perf_counter() - started, 3)
        for table in PEOPLE:
            yield dg.MaterializeResult(
                asset_key=["derived", table.name], metadata={"dagster/row_count": rows[table.name], **metadata}
            )

    return [qualify, simulate]


def _spec(table: Table, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["derived", table.name],
        deps=deps,
        group_name="simulation",
        owners=OWNERS,
        kinds={"python", "sbml", "parquet"},
        description=f"{table.description} Research use, not for care.",
        metadata={"dagster/column_schema": column_schema(table.schema)},
    )


def _missing() -> str:
    return ", ".join(name for name in ENGINES if find_spec(name) is None)


def _write(settings: Settings, table: Table, rows: list[dict[str, Any]]) -> None:
    derived.replace(settings, table, "all", pa.Table.from_pylist(rows, table.schema))


def _simulated(settings: Settings, dagster_run: str) -> tuple[dict[str, int], dict[str, Any]]:
    """Run the stage; its figures and pictures go to MLflow and to the asset."""
    from simulation.derive import derive

    result = derive(settings)
    with tempfile.TemporaryDirectory() as folder:
        paths = _drawn(result.pictures, settings, Path(folder)) if result.people else []
        run = _calibrated(settings, result, paths, dagster_run) if result.people else "nobody is at high risk"
        shown = _shown(paths)
    lines = [
        (
            outcome,
            f"{one['people']:.0f}",
            *(f"{one[key]:.3g}" for key in ("rmse", "rmse_prior", "rmse_persistence", "coverage")),
        )
        for outcome, one in result.calibration.items()
    ]
    header = ("outcome", "people", "error of the forecast", "of the prior", "of the last value", "90 % interval holds")
    return result.rows, {
        "people": result.people,
        "mlflow_run": run,
        "held_back_years": dg.MetadataValue.md(markdown_table(header, lines)),
        **shown,
    }


def _drawn(found: dict[str, Any], settings: Settings, folder: Path) -> list[Path]:
    from simulation import pictures

    meals = [one for name, one in found.items() if name.startswith("a meal")]
    forecasts = derived.read(settings, tables.PROGRESSION_FORECAST).to_pylist()
    pictures.glucose_band(meals, folder / "glucose.png")
    pictures.course_band(forecasts, "systolic_bp", folder / "blood_pressure.png")
    pictures.treatment_front(found["ranks"], folder / "treatments.png")
    return sorted(folder.glob("*.png"))


def _calibrated(settings: Settings, result: Any, paths: list[Path], dagster_run: str) -> str:
    from simulation import progression

    params = {"model": progression.MODEL, "model_sha256": progression.sha256(), "people": result.people}
    metrics = {f"{outcome}.{name}": value for outcome, one in result.calibration.items() for name, value in one.items()}
    params["members"] = progression.MEMBERS
    return logged(settings, "personal courses", "calibration", params, metrics, paths, dagster_run_id=dagster_run)


def _shown(paths: list[Path]) -> dict[str, dg.MarkdownMetadataValue]:
    return {
        path.stem: dg.MetadataValue.md(
            f"![{path.stem}](data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()})"
        )
        for path in paths
    }

"""``twin ml``: one task outside the asset graph, and the evaluation of any survival table or predictions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, progress, settings

app = typer.Typer(
    cls=OneLine,
    no_args_is_help=True,
    help="Prediction tasks: cohort, training, gates, scores; and the evaluation of any table of outcomes.",
    rich_markup_mode="rich",
)

T = TypeVar("T")
Name = Annotated[str, typer.Argument(help="A shipped task (twin ml tasks), or the path of a task's YAML file.")]


@app.command()
def tasks(as_json: AsJson = False) -> None:
    """List the prediction tasks.

    Example: twin ml tasks
    """
    from ml.task import load, names

    found = [load(name) for name in names()]
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
    else:
        rows = [(one.name, one.title, one.horizon_days, one.feature_set) for one in found]
        print_table(("task", "what", "horizon in days", "features"), rows)


@app.command()
def train(task: Name, as_json: AsJson = False) -> None:
    """Train a task's candidates, compare them on held-out people, and promote the best if it passes the gates.

    The run with plots and model card is in MLflow (twin ui). Exit status 1 if nothing can be learnt from the data.

    Example: twin ml train t2d_5y
    """
    from ml.dataset import CannotLearn
    from ml.train import train as run

    home = home_with_core(task)
    try:
        with progress(f"training {task}", quiet=as_json) as tell:
            tell(f"training {task}")
            result = run(home, task)
    except CannotLearn as error:
        raise BadData(f"{task} cannot be learnt: {error}") from None
    if as_json:
        print_json(asdict(result))
        return
    print_table(("gate", "status", "evidence"), [(one.name, one.status, one.evidence) for one in result.gates])
    figures = [one for one in result.metrics if one["split"] == "test" and one["subgroup"] == "all"]
    names = ("model_name", "metric", "value", "lower", "upper")
    print_table(("model", *names[1:]), [[one[name] for name in names] for one in figures], title="On held-out people")
    console().print(f"{result.verdict}. MLflow run {result.run_id}{' (reused)' if result.reused else ''}")


class ReasonsFor(StrEnum):
    """Who gets reasons: they cost a hundred times what a score does."""

    auto = "auto"
    all = "all"
    top = "top"
    none = "none"


@app.command()
def score(
    task: Name,
    reasons: Annotated[
        ReasonsFor,
        typer.Option("--reasons", help="Who gets reasons: all, the top tenth, none; auto: all if few."),
    ] = ReasonsFor.auto,
    as_json: AsJson = False,
) -> None:
    """Score everyone eligible with the task's champion. The next build publishes the scores.

    Example: twin ml score t2d_5y --json
    """
    from ml.score import score as run

    home = home_with_core(task)
    result = usable(lambda: run(home, task, reasons.value))
    if as_json:
        print_json(finite(asdict(result)))
        return
    print_table(("band", "people"), sorted(result.bands.items()))
    console().print(
        f"{result.n_scored:,} people scored, {result.n_ineligible:,} not eligible, as of {result.as_of:%Y-%m-%d},"
        f" by {result.model_name} v{result.model_version}. Research use, not for care."
    )
    decision = result.watched.decision
    if decision.action != "keep":
        console().print(
            f"Monitoring calls for: {decision.action} ({'; '.join(decision.reasons)}); twin ml monitor {task}"
        )


def home_with_core(task: str) -> Any:
    from ml.task import load

    try:
        load(task)
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise WrongUsage(f"no such task: {' '.join(str(error.args[0]).split())}; `twin ml tasks` lists them") from None
    home = settings()
    if not any(home.core.glob("*.parquet")):
        raise BadData(f"no core tables in {home.core}; run `twin build` first")
    return home


@app.command()
def cohort(task: Name, as_json: AsJson = False) -> None:
    """Show who enters a task: the people and index dates left after each step, and what happened to them.

    Example: twin ml cohort t2d_5y
    """
    from ml.attrition import flow

    home = home_with_core(task)
    found = usable(lambda: flow(home, task))
    if as_json:
        print_json(asdict(found))
        return
    print_table(("step", "person-index-dates left"), found.steps, title=f"{found.task} until {found.cutoff:%Y-%m-%d}")
    print_table(("outcome", "index dates", "people"), found.outcomes)


@app.command()
def leakage(task: Name, as_json: AsJson = False) -> None:
    """Prove that nothing leaks: rebuild features on changed futures, shuffle labels, compute past scores again.

    Exit status 1 if a check fails; it names the features concerned.

    Example: twin ml leakage t2d_5y
    """
    from ml.leakage import suite

    home = home_with_core(task)
    with progress(f"checking {task}", quiet=as_json) as tell:
        tell(f"checking {task}")
        found = usable(lambda: suite(home, task))
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        print_table(("check", "status", "evidence"), [(one.name, one.status, one.evidence) for one in found])
    if failed := [one.name for one in found if one.status == "fail"]:
        raise BadData(f"{task}: {', '.join(failed)} failed")


@app.command()
def gates(task: Name, as_json: AsJson = False) -> None:
    """Show what the gates said of a task's champion and challenger. Exit status 1 if it was never trained.

    Example: twin ml gates t2d_5y
    """
    from ml.registry import verdicts

    home = home_with_core(task)
    found = usable(lambda: verdicts(home, task))
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        print_table(
            ("gate", "status", "evidence"),
            [(gate.name, gate.status, gate.evidence) for gate in one.gates],
            title=f"{one.alias}: {one.model_name} v{one.version}, gates {one.passed}",
        )


@app.command()
def card(
    model: Annotated[str, typer.Argument(help="A task (its champion), or TASK/VERSION.")], as_json: AsJson = False
) -> None:
    """Print the model card: what was made, from what, how well it holds, where not to use it.

    Example: twin ml card t2d_5y
    """
    from ml.registry import model_card

    task, _, version = model.partition("/")
    home = home_with_core(task)
    text = usable(lambda: model_card(home, task, version or None))
    if as_json:
        print_json({"model": model, "card": text})
    else:
        typer.echo(text)


@app.command()
def aces(
    task: Annotated[Path, typer.Argument(help="A task file of ACES (YAML).")],
    events: Annotated[Path, typer.Argument(help="MEDS events: subject_id, time, code, numeric_value (Parquet, CSV).")],
    as_json: AsJson = False,
) -> None:
    """Run a task file of ACES on MEDS events: who, when the prediction is made, and the label.

    Example: twin ml aces readmission.yaml meds/data/train/0.parquet --json
    """
    from ml import aces as engine
    from ml.equations import table

    try:
        found = engine.extract(engine.events(table.read(events, typed=True)), engine.load(task))
    except (engine.BadTask, table.BadTable) as error:
        raise BadData(str(error)) from None
    rows = found.to_pylist()
    if as_json:
        print_json(rows)
        return
    print_table(found.column_names, [tuple(row.values()) for row in rows[:20]])
    labelled = sum(row["boolean_value"] is True for row in rows)
    console().print(f"{len(rows):,} rows, {labelled:,} with the label{'; the first 20' if len(rows) > 20 else ''}.")


@app.command()
def sql(
    model: Annotated[str, typer.Argument(help="A task (its champion), or TASK/VERSION.")],
    source: Annotated[str, typer.Option("--from", help="Table with a column per feature.")] = "features",
) -> None:
    """Print a model as one DuckDB query that gives its risk to 1e-12: to be read, or for what-if in the warehouse.

    Example: twin ml sql t2d_5y/1 --from my_features
    """
    from ml.registry import sql as compiled

    task, _, version = model.partition("/")
    home = home_with_core(task)
    typer.echo(usable(lambda: compiled(home, task, source, version or None)))


def finite(content: Any) -> Any:
    """JSON knows no NaN: what could not be computed is null."""
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def usable(work: Callable[[], T]) -> T:
    """Do the work; what is wrong with the data ends as bad data."""
    from ml.core import CoreUnusable
    from ml.dataset import CannotLearn
    from ml.equations.base import ImpossibleUnit
    from ml.equations.table import BadTable
    from ml.follow_up import BadCohort
    from ml.models.bundle import ModelUnusable

    try:
        return work()
    except (BadCohort, BadTable, CannotLearn, CoreUnusable, ImpossibleUnit, ModelUnusable) as error:
        raise BadData(str(error)) from None

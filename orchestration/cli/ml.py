"""``twin ml``: train and score one task, outside the asset graph."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, progress, settings

app = typer.Typer(
    cls=OneLine, no_args_is_help=True, help="Train, score and list the prediction tasks.", rich_markup_mode="rich"
)

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

    home = _home_with_core(task)
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


@app.command()
def score(task: Name, as_json: AsJson = False) -> None:
    """Score everyone eligible with the task's champion. The next build publishes the scores.

    Example: twin ml score t2d_5y --json
    """
    from ml.models.bundle import ModelUnusable
    from ml.score import score as run

    home = _home_with_core(task)
    try:
        result = run(home, task)
    except ModelUnusable as error:
        raise BadData(str(error)) from None
    if as_json:
        print_json(asdict(result))
        return
    print_table(("band", "people"), sorted(result.bands.items()))
    console().print(
        f"{result.n_scored:,} people scored, {result.n_ineligible:,} not eligible, as of {result.as_of:%Y-%m-%d},"
        f" by {result.model_name} v{result.model_version}. Research use, not for care."
    )


def _home_with_core(task: str) -> Any:
    from ml.task import load

    try:
        load(task)
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise WrongUsage(f"no such task: {' '.join(str(error.args[0]).split())}; `twin ml tasks` lists them") from None
    home = settings()
    if not any(home.core.glob("*.parquet")):
        raise BadData(f"no core tables in {home.core}; run `twin build` first")
    return home

"""``twin ml``: one task outside the asset graph, and the evaluation of any survival table or predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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


@app.command()
def metrics(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet with follow-up, event (0, 1, 2 competing) and risk.")],
    time: Annotated[str | None, typer.Option("--time", help="Column of follow-up time.")] = None,
    event: Annotated[
        str | None, typer.Option("--event", help="Column of the event: 0 censored, 1 event, 2 competing event.")
    ] = None,
    event_code: Annotated[
        list[str] | None,
        typer.Option("--event-code", help="What a value means, such as 2=event or lost=censored; repeatable."),
    ] = None,
    risk: Annotated[list[str] | None, typer.Option("--risk", help="Column of predicted risk; may be repeated.")] = None,
    at: Annotated[
        list[float] | None, typer.Option("--at", help="When to judge, in the unit of time; repeatable.")
    ] = None,
    threshold: Annotated[
        list[float] | None, typer.Option("--threshold", help="Of the decision curve; repeatable.")
    ] = None,
    subgroup: Annotated[list[str] | None, typer.Option("--subgroup", help="Column of groups; repeatable.")] = None,
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", min=0, max=5000, help="Resamples behind the intervals.")
    ] = 200,
    min_events: Annotated[int, typer.Option("--min-events", min=1, help="Events that a subgroup needs.")] = 100,
    seed: Annotated[int, typer.Option("--seed", help="Of the resamples.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Evaluate predicted risks: C, AUC, Brier, calibration, decision curve, intervals and subgroups.

    A risk is the probability of the event by the time --at; of several, each is compared with the first.

    Example: twin ml metrics predictions.csv --time t --event event --risk pred10 --at 10
    """
    from ml.predictions import assess

    if wrong := [one for one in threshold or () if not 0 < one < 1]:
        raise WrongUsage(f"--threshold lies between 0 and 1, not {wrong[0]:g}")
    found = usable(
        lambda: assess(
            file,
            time=time,
            event=event,
            codes=_codes(event_code or ()),
            risks=tuple(risk or ()),
            at=tuple(at or ()),
            thresholds=tuple(threshold or ()),
            subgroups=tuple(subgroup or ()),
            bootstrap=bootstrap,
            seed=seed,
            min_events=min_events,
        )
    )
    if as_json:
        print_json([finite(asdict(one)) for one in found])
        return
    for one in found:
        _print_assessment(one)


@app.command()
def evaluate(
    cohort_file: Annotated[Path, typer.Option("--cohort", help="CSV or Parquet with one row per person (or visit).")],
    spec: Annotated[str, typer.Option("--spec", help="YAML file, or the name of a shipped one (flchain, mgus2 …).")],
    as_json: AsJson = False,
) -> None:
    """Train and judge the project's candidates on any survival table, in folds of people.

    The spec says which columns are time, event and features; ml/specs/ holds examples. Nothing is stored.

    Example: twin ml evaluate --cohort flchain.parquet --spec flchain
    """
    from ml import crossval, survival_table

    declared = usable(lambda: survival_table.load_spec(spec))
    table = usable(lambda: survival_table.read(cohort_file, declared))
    with progress(f"training on {cohort_file.name}", quiet=as_json) as tell:
        tell(f"{len(declared.candidates)} candidates on {len(table.sample.time):,} rows")
        found = usable(lambda: crossval.run(table, threads=settings().threads))
    if as_json:
        print_json(finite(asdict(found)))
        return
    _print_evaluation(found, table.days_per_unit)


def _codes(given: Sequence[str]) -> dict[Any, Any] | None:
    """Read VALUE=MEANING pairs; none is None."""
    from ml.follow_up import MEANINGS

    found: dict[Any, Any] = {}
    for one in given:
        value, _, meaning = one.rpartition("=")
        if not value or meaning not in MEANINGS:
            raise WrongUsage(f"--event-code is VALUE=censored, VALUE=event or VALUE=competing, not {one}")
        found[value] = meaning
    return found or None


def _print_assessment(one: Any) -> None:
    dropped = "".join(f", {n:,} dropped: {why}" for why, n in one.dropped.items())
    console().print(
        f"At {one.at:g}: {one.n:,} of {one.rows:,} rows, {one.n_events:,} events,"
        f" {one.n_competing:,} competing{dropped}",
        markup=False,
    )
    if one.at < one.asked:
        console().print(f"Nobody is followed until {one.asked:g}; judged at {one.at:g}.", markup=False)
    for name, found in one.metrics.items():
        print_table(("metric", "value", "95 % from", "to"), [_row(metric) for metric in found], title=name)
    for name, found in one.subgroups.items():
        rows = [
            (group, *(_value(figures, key) for key in _SHORT)) if figures else (group, *[None] * len(_SHORT))
            for group, figures in found.items()
        ]
        if rows:
            print_table((f"{name} in", *_SHORT), rows)
    if one.comparisons:
        rows = [(c.risk, c.against, c.c_difference, c.standard_error) for c in one.comparisons]
        print_table(("risk", "against", "C difference", "standard error"), rows)


_SHORT = (
    "n_events",
    "harrell_c_horizon",
    "uno_c_horizon",
    "auc",
    "brier",
    "brier_skill",
    "observed_expected",
    "slope",
    "ici",
)


def _print_evaluation(found: Any, days_per_unit: float) -> None:
    dropped = "".join(f", {n:,} dropped: {why}" for why, n in found.dropped.items())
    console().print(
        f"{found.cohort}: {found.n:,} of {found.rows:,} rows, {found.n_people:,} people, {found.n_events:,} events,"
        f" {found.n_competing:,} competing{dropped}",
        markup=False,
    )
    rows = [
        (one.model, one.design, one.horizon, *one.fold_c, *(_value(one.metrics, key) for key in _SHORT))
        for one in found.judged
    ]
    print_table(("model", "judged on", "horizon", "mean C", "SE", *_SHORT), rows)
    for asked, judged in {one.horizon: one.assessed_days for one in found.judged}.items():
        if judged < asked * days_per_unit:
            console().print(
                f"Too few are followed until {asked:g}; judged at {judged / days_per_unit:.4g}.", markup=False
            )
    for one in found.judged:
        groups = [
            (name, *(_value(figures, key) for key in _SHORT)) for name, figures in one.subgroups.items() if figures
        ]
        if groups:
            print_table((f"{one.model} in", *_SHORT), groups)
        if few := [name for name, figures in one.subgroups.items() if not figures]:
            console().print(f"Too few events for figures: {', '.join(few)}", markup=False)
    size = found.sample_size
    console().print(
        f"C of a model of censoring: {found.censoring_c:.3f} (above 0.6 figures with censoring weights are unsafe)."
        f" {size['events_per_parameter']:.1f} events per parameter; {size['parameters_allowed']:.0f} parameters"
        f" allowed, {size['parameters']:.0f} used. Research use, not for care.",
        markup=False,
    )


def _row(metric: Any) -> tuple[object, ...]:
    numbers = (one if math.isfinite(one) else None for one in (metric.value, metric.lower, metric.upper))
    return (metric.name, *numbers)


def _value(figures: Any, name: str) -> float | None:
    value = next((one.value for one in figures if one.name == name), None)
    return None if value is None or not math.isfinite(value) else value


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

"""``twin ml metrics`` and ``twin ml evaluate``: predictions and survival tables of anyone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration.cli.failures import WrongUsage
from orchestration.cli.ml import app, finite, usable
from orchestration.cli.output import AsJson, console, print_json, print_table, progress, settings


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

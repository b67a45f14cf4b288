"""``twin ml monitor``, ``recalibrate`` and ``equations``: what a served model needs after it was trained."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from orchestration.cli.failures import BadData
from orchestration.cli.ml import Name, app, finite, home_with_core, usable
from orchestration.cli.output import AsJson, console, print_json, print_table, progress, settings


@app.command()
def monitor(
    task: Name,
    everything: Annotated[bool, typer.Option("--all", help="Also what has not moved.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch a task's served model: drift against its training snapshot, and whether past scores came true.

    Features and scores are compared by population stability index with its test, missing values and people over a
    threshold as shares; scores given 30, 90, 365 … days ago by observed over expected. Exit status 1 if something
    calls for recalibration or training.

    Example: twin ml monitor t2d_5y --json
    """
    from ml.monitor import monitor as run

    home = home_with_core(task)
    found = usable(lambda: run(home, task))
    if as_json:
        print_json(finite(asdict(found)))
    else:
        rows = [
            (one.kind, one.name, one.status, one.value, one.reference, one.statistic, one.n, detail)
            for one, detail in zip(found.signals, found.details, strict=True)
            if everything or one.status in ("alarm", "watch") or one.kind in ("score", "calibration")
        ]
        title = f"{found.model_name} v{found.model_version} on the people of {found.as_of:%Y-%m-%d}"
        names = ("kind", "watched", "status", "now", "then", "PSI, difference or O:E", "people", "of")
        print_table(names, [tuple(finite(list(row))) for row in rows], title=title)
        counts = {status: sum(one.status == status for one in found.signals) for status in ("ok", "watch", "alarm")}
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        console().print(f"{len(found.signals)} signals: {told}. {_ripe(found.details)}", markup=False)
        console().print(f"{found.decision.action}: {'; '.join(found.decision.reasons)}", markup=False)
    if found.decision.action != "keep":
        raise BadData(f"{task} needs: {found.decision.action}; twin ml {found.decision.action} {task}")


def _ripe(details: list[str]) -> str:
    ripe = sum(1 for one in details if one)
    return f"Calibration at {ripe} ages of scores." if ripe else "No score is old enough for its outcome to be known."


@app.command()
def recalibrate(task: Name, as_json: AsJson = False) -> None:
    """Fit level and slope of a task's champion to what has happened since its training.

    The new version serves only if held-out people say that it is better. Exit status 1 if too little has happened.

    Example: twin ml recalibrate t2d_5y
    """
    from ml.recalibrate import recalibrate as run

    home = home_with_core(task)
    with progress(f"recalibrating {task}", quiet=as_json) as tell:
        tell(f"recalibrating {task}")
        found = usable(lambda: run(home, task))
    if as_json:
        print_json(finite(asdict(found)))
        return
    print_table(("gate", "status", "evidence"), [(one.name, one.status, one.evidence) for one in found.gates])
    console().print(
        f"{found.verdict}. Intercept {found.before[0]:.3f} to {found.after[0]:.3f}, slope {found.before[1]:.3f} to"
        f" {found.after[1]:.3f}, on {found.n_events} events; v{found.version} serves. MLflow run {found.run_id}",
        markup=False,
    )


@app.command()
def equations(as_json: AsJson = False) -> None:
    """Compute the clinical equations of everyone at the latest date. The next build publishes them.

    Example: twin ml equations
    """
    import pyarrow.compute as pc

    from ml.equations_now import compute, declared

    home = settings()
    rows = usable(lambda: compute(home))
    found = []
    for use in declared().equations:
        mine = rows.filter(pc.field("equation") == use.name)
        found.append(
            {
                "equation": use.name,
                "people": mine.num_rows,
                "with_a_result": mine.num_rows - mine["result"].null_count,
                "with_defaults": pc.sum(pc.greater(mine["n_defaulted"], 0)).as_py() or 0,
                "median": pc.quantile(mine["result"], 0.5)[0].as_py() if mine.num_rows else None,
            }
        )
    if as_json:
        print_json(found)
        return
    print_table(tuple(name.replace("_", " ") for name in found[0]), [tuple(one.values()) for one in found])
    console().print("Of the people each was made for, from what was known. Research use, not for care.")

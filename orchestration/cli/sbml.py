"""``twin sbml``: run any SBML file, and judge the engines by the semantic test suite."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, progress

if TYPE_CHECKING:
    from simulation.engine.course import Course, Trajectory
    from simulation.engine.suite import Verdict

RESEARCH_USE = "research use, not for care"
ENGINES = ("roadrunner", "numpy")
ROWS_SHOWN = 21

app = typer.Typer(cls=OneLine, no_args_is_help=True, help="Run SBML models.", rich_markup_mode="rich")

Engine = Annotated[str, typer.Option("--engine", help="roadrunner, numpy, or both.")]


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="An SBML file.")],
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings", help="'key: value' lines: start, duration, steps, variables, amount, concentration."
        ),
    ] = None,
    duration: Annotated[float | None, typer.Option("--duration", help="Length, in the model's time unit.")] = None,
    steps: Annotated[int, typer.Option("--steps", help="Output intervals.")] = 100,
    engine: Engine = "both",
    as_json: AsJson = False,
) -> None:
    """Run a model and, with both engines, say how far they differ.

    What an engine cannot do it refuses by name. Exit status 1 if the file is bad or no engine can run it.

    Example: twin sbml run model.xml --duration 480
    """
    from simulation.engine import sbml
    from simulation.engine.units import unit_gaps

    if not file.is_file():
        raise WrongUsage(f"nothing at {file}")
    try:
        model = sbml.load(file)
        course = _course(model, settings, duration, steps)
    except sbml.BadModel as error:
        raise BadData(f"{file.name}: {error}") from None
    found: dict[str, Trajectory] = {}
    refused: dict[str, str] = {}
    for name in _engines(engine):
        try:
            found[name] = _run(name, model, course)
        except (sbml.Unsupported, sbml.BadModel, RuntimeError, KeyError) as error:
            refused[name] = str(error).strip("'\"")
    gaps = unit_gaps(model)
    largest = _difference(found) if len(found) == 2 else None
    if as_json:
        print_json(_as_dict(model.sha256, found, refused, gaps, largest))
    else:
        _show(found, refused, gaps, largest)
    if not found:
        raise BadData(f"{file.name}: no engine can run it")


@app.command()
def suite(
    archive: Annotated[Path, typer.Argument(help="ZIP with <case>.xml, <case>.settings.txt and <case>.csv.")],
    engine: Engine = "roadrunner",
    every: Annotated[int, typer.Option("--every", min=1, help="Only every n-th case, for a quick look.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Run the time-course cases of an SBML semantic test suite, each at its own tolerances.

    Lists every case that does not pass, with the reason. Exit status 1 if a case differs or fails (a construct that is
    refused by name does not count as failing).

    Example: twin sbml suite semantic.zip --engine both
    """
    from simulation.engine import suite as judge

    if not zipfile.is_zipfile(archive):
        raise WrongUsage(f"{archive} is not a ZIP file")
    cases = list(judge.cases(archive))[::every]
    if not cases:
        raise BadData(f"{archive.name} holds no time-course case (<case>.xml, .settings.txt and .csv)")
    runs = {"roadrunner": judge.by_roadrunner, "numpy": judge.by_numpy}
    verdicts: dict[str, list[Verdict]] = {}
    with progress("running the suite", quiet=as_json) as tell:
        for name in _engines(engine):
            tell(f"{len(cases)} cases by {name}")
            verdicts[name] = [judge.judge(case, runs[name]) for case in cases]
    counts = {name: Counter(one.outcome for one in found) for name, found in verdicts.items()}
    if as_json:
        print_json(
            {
                "note": RESEARCH_USE,
                "counts": counts,
                "not_passed": {
                    name: [
                        {"case": one.case, "outcome": one.outcome, "detail": one.detail, "excess": one.excess}
                        for one in found
                        if one.outcome != "pass"
                    ]
                    for name, found in verdicts.items()
                },
            }
        )
    else:
        for name, found in verdicts.items():
            reasons = Counter((one.outcome, one.detail[:90]) for one in found if one.outcome != "pass")
            cases_of: dict[tuple[str, str], list[str]] = {}
            for one in found:
                cases_of.setdefault((one.outcome, one.detail[:90]), []).append(one.case)
            rows = [
                (outcome, detail, count, ", ".join(cases_of[outcome, detail][:4]))
                for (outcome, detail), count in sorted(reasons.items(), key=lambda item: (item[0][0], -item[1]))
            ]
            print_table(("outcome", "reason", "cases", "such as"), rows, title=f"Not passed by {name}")
            console().print(f"{name}: " + ", ".join(f"{n} {outcome}" for outcome, n in sorted(counts[name].items())))
    wrong = sum(count["differs"] + count["failed"] for count in counts.values())
    if wrong:
        raise BadData(f"{wrong} cases differ from what the suite expects")


def _engines(engine: str) -> tuple[str, ...]:
    if engine == "both":
        return ENGINES
    if engine not in ENGINES:
        raise WrongUsage(f"no engine {engine!r}; there are {', '.join(ENGINES)}, or both")
    return (engine,)


def _course(model: Any, settings: Path | None, duration: float | None, steps: int) -> Course:
    from simulation.engine.course import Course, parse_settings
    from simulation.engine.sbml import reported

    if (settings is None) == (duration is None):
        raise WrongUsage("say how long: either --settings FILE or --duration NUMBER")
    if settings is not None:
        try:
            return parse_settings(settings.read_text())
        except (OSError, ValueError) as error:
            raise WrongUsage(f"{settings}: {error}") from None
    if duration is None or not duration > 0 or steps < 1:
        raise WrongUsage("--duration and --steps must be positive")
    return Course(duration=duration, steps=steps, variables=reported(model))


def _run(name: str, model: Any, course: Course) -> Trajectory:
    from simulation.engine.suite import by_numpy, by_roadrunner

    return (by_roadrunner if name == "roadrunner" else by_numpy)(model, course)


def _difference(found: dict[str, Trajectory]) -> float:
    """Largest difference of the engines, relative to the largest value of each variable."""
    import numpy as np

    first, second = (found[name].values for name in ENGINES)
    scale = np.nanmax(np.abs(first), axis=0)
    return float(np.nanmax(np.abs(first - second) / np.where(scale > 0, scale, 1.0), initial=0.0))


def _as_dict(
    sha256: str, found: dict[str, Trajectory], refused: dict[str, str], gaps: list[str], largest: float | None
) -> dict[str, Any]:
    return {
        "note": RESEARCH_USE,
        "sha256": sha256,
        "refused": refused,
        "without_units": gaps,
        "largest_relative_difference": largest,
        "results": {
            name: {"time": one.times.tolist(), **{v: one[v].tolist() for v in one.variables}}
            for name, one in found.items()
        },
    }


def _show(found: dict[str, Trajectory], refused: dict[str, str], gaps: list[str], largest: float | None) -> None:
    if found:
        name, one = next(iter(found.items()))
        stride = max(1, (len(one.times) - 1) // (ROWS_SHOWN - 1))
        rows = [[float(t), *map(float, row)] for t, row in zip(one.times[::stride], one.values[::stride], strict=True)]
        print_table(("time", *one.variables[:10]), [row[:11] for row in rows], title=f"By {name}")
    for name, reason in refused.items():
        console().print(f"{name} does not run it: {reason}", markup=False)
    if largest is not None:
        console().print(f"the engines differ by at most {largest:.2g} of each variable's largest value")
    if gaps:
        console().print(
            f"{len(gaps)} quantities carry no unit ({', '.join(gaps[:5])} …): their numbers are taken as they are"
        )
    console().print(f"{RESEARCH_USE}.")

"""``twin measure``: quality measures over FHIR test cases."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, progress

if TYPE_CHECKING:
    from orchestration.measures import Measured

FEW = 30
"""So many cases are listed one by one."""

app = typer.Typer(cls=OneLine, no_args_is_help=True, help="Run and list the quality measures.", rich_markup_mode="rich")


@app.command("list")
def listed(as_json: AsJson = False) -> None:
    """List the quality measures.

    Example: twin measure list
    """
    from orchestration.measures import names

    found = [{"measure": short, "name": full} for short, full in names().items()]
    if as_json:
        print_json(found)
    else:
        print_table(("measure", "FHIR Measure"), [list(one.values()) for one in found])


@app.command()
def run(
    measure: Annotated[str, typer.Argument(help="cms2, cms22, cms69, cms122, cms165, or all.")],
    paths: Annotated[list[Path], typer.Argument(help="Files or folders of test cases: Bundles with one Patient.")],
    value_sets: Annotated[
        list[Path] | None,
        typer.Option("--value-sets", help="CSV of value sets (may be repeated); default: valuesets* beside the cases."),
    ] = None,
    every_case: Annotated[bool, typer.Option("--every-case", help="List all cases, however many there are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compute a quality measure for FHIR test cases: the files go through the reader and the dbt models as always.

    Where a MeasureReport in or beside a case says what to expect, the two are compared. Exit status 1 if a case
    differs from what is expected or could not be read. Of many cases, counts per measure and those that differ are
    shown; nothing is kept, and TWIN_HOME is not touched.

    Example: twin measure run cms122 ./cases --value-sets valuesets.csv
    """
    from orchestration.measures import NothingToMeasure, names, resolve, value_sets_beside
    from orchestration.measures import run as compute

    try:
        measures = list(names()) if measure.lower() == "all" else [resolve(measure)]
    except KeyError:
        raise WrongUsage(f"no measure {measure!r}; there are {', '.join(names())}, or all") from None
    for path in [*paths, *(value_sets or [])]:
        if not path.exists():
            raise WrongUsage(f"nothing at {path}")
    try:
        with progress("measuring", quiet=as_json) as tell:
            tell("reading the cases and building the measure")
            outcome = compute(measures, paths, value_sets or value_sets_beside(paths))
    except NothingToMeasure as error:
        raise BadData(str(error)) from None
    judged = [one for one in outcome.results if one.expected is not None]
    differing = [one for one in judged if not one.agrees]
    if as_json:
        print_json(
            {
                "results": [asdict(one) | {"agrees": one.agrees} for one in outcome.results],
                "problems": [asdict(one) for one in outcome.problems],
                "judged": len(judged),
                "agreeing": len(judged) - len(differing),
            }
        )
    else:
        if every_case or len(outcome.results) <= FEW:
            _show(outcome.results)
        else:
            _show_counts(outcome.results)
        _show_differing(differing)
        for problem in outcome.problems:
            console().print(f"{problem.file.name}, {problem.position}: {problem.reason}")
        console().print(f"{len(outcome.results)} results, {len(judged) - len(differing)} of {len(judged)} as expected")
        if without := [one for one in differing if one.unknown_codes]:
            codes = sorted({code for one in without for code in one.unknown_codes})
            console().print(
                f"{len(without)} of those that differ have visits with codes that no value set holds ("
                f"{', '.join(codes[:12])}{' …' if len(codes) > 12 else ''}): give complete ones with --value-sets"
            )
    if differing or outcome.problems:
        raise BadData(f"{len(differing)} cases differ from what is expected, {len(outcome.problems)} problems in files")


def _show_counts(results: list[Measured]) -> None:
    """One row per measure: people in each population, and how many cases are as expected."""
    from orchestration.measures import POPULATIONS

    rows = []
    for measure in dict.fromkeys(one.measure for one in results):
        ours = [one for one in results if one.measure == measure]
        judged = [one for one in ours if one.expected is not None]
        counts = [sum(one.populations[name] for one in ours) for name in POPULATIONS]
        rows.append([measure, len(ours), *counts, f"{sum(not one.differing for one in judged)} of {len(judged)}"])
    populations = ("initial population", "denominator", "exclusions", "exceptions", "numerator")
    print_table(("measure", "cases", *populations, "as expected"), rows, "Episodes and people counted")


def _show(results: list[Measured]) -> None:
    from orchestration.measures import POPULATIONS

    header = (
        "measure",
        "case",
        "initial population",
        "denominator",
        "exclusions",
        "exceptions",
        "numerator",
        "expected",
    )
    verdict = {None: "", True: "as expected", False: "differs"}
    print_table(
        header,
        [
            [one.measure, one.case, *(one.populations[name] for name in POPULATIONS), verdict[one.agrees]]
            for one in results
        ],
    )


def _show_differing(differing: list[Measured]) -> None:
    if differing:
        print_table(
            ("measure", "case", "differs", "encounter codes in no value set", "description"),
            [
                [
                    one.measure,
                    one.case,
                    "; ".join(f"{name} {got}, expected {wanted}" for name, (got, wanted) in one.differing.items()),
                    ", ".join(one.unknown_codes),
                    one.description[:120],
                ]
                for one in differing
            ],
            title="Cases that differ",
        )

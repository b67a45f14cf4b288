"""``twin fhir``: SQL-on-FHIR views on any NDJSON, without landing it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table

app = typer.Typer(
    cls=OneLine, no_args_is_help=True, help="Run SQL-on-FHIR ViewDefinitions on NDJSON files.", rich_markup_mode=None
)

View = Annotated[Path, typer.Argument(metavar="VIEW.json", help="A ViewDefinition.", exists=True, dir_okay=False)]


@app.command()
def view(
    definition: View,
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="NDJSON files or globs; .gz and .zst as they are.")
    ],
    as_json: AsJson = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write .parquet, .csv or .ndjson instead of printing.", dir_okay=False)
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Rows of a table to print; JSON and files hold all.")
    ] = 50,
) -> None:
    """Flatten FHIR resources with a view. Exit status 1 if a file cannot be read strictly.

    Example: twin fhir view PatientDemographics.json export/Patient*.ndjson --json
    """
    import duckdb

    from ehr.fhir import CompileError, plan_view, run_view
    from ehr.fhir.run import types_in

    if out is not None and out.suffix not in (".parquet", ".csv", ".ndjson"):
        raise WrongUsage(f"{out.name}: a file ends in .parquet, .csv or .ndjson")
    try:
        plan = plan_view(definition)
        _warn(plan.unknown)
        table = run_view(definition, paths)
        if table.num_rows == 0:
            _say_why_empty(plan.resource, types_in(paths))
    except CompileError as error:
        raise WrongUsage(str(error)) from None
    except duckdb.IOException as error:
        raise WrongUsage(_first_line(error)) from None
    except duckdb.Error as error:
        raise BadData(_first_line(error)) from None
    if out is not None:
        from ehr.fhir.run import save

        save(table, out)
        written = {"rows": table.num_rows, "columns": table.column_names, "file": str(out)}
        if as_json:
            print_json(written)
        else:
            console().print(f"{table.num_rows:,} rows in {out}", markup=False)
    elif as_json:
        print_json(table.to_pylist())
    elif table.num_rows:
        print_table(table.column_names, [tuple(row.values()) for row in table.slice(0, limit).to_pylist()])
        if table.num_rows > limit:
            console().print(f"first {limit} of {table.num_rows:,} rows; --json and --out hold all")


@app.command()
def sql(
    definition: View,
    source: Annotated[str, typer.Option("--path", help="File or glob to put into the statement.")] = "*.ndjson",
    as_json: AsJson = False,
) -> None:
    """Print the one DuckDB statement that a view compiles to.

    Example: twin fhir sql PatientDemographics.json --path 'export/Patient*.ndjson'
    """
    from ehr.fhir import CompileError, plan_view
    from ehr.fhir.source import ndjson

    try:
        plan = plan_view(definition)
    except CompileError as error:
        raise WrongUsage(str(error)) from None
    _warn(plan.unknown)
    statement = plan.sql(ndjson([source], plan.columns))
    if as_json:
        print_json({"resource": plan.resource, "reads": plan.columns, "sql": statement})
    else:
        typer.echo(statement)


@app.command()
def conformance(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="TESTS", help="The folder tests/ of the SQL-on-FHIR v2 suite.", exists=True, file_okay=False
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="File for the suite's own kind of report.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the official SQL-on-FHIR test suite. Exit status 1 if a case fails.

    Example: twin fhir conformance sql-on-fhir-v2/tests --out test_report.json
    """
    from ehr.fhir import conformance as suite

    try:
        found = suite.report(folder)
    except (FileNotFoundError, ValueError) as error:
        raise WrongUsage(str(error)) from None
    if out:
        out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    passed, cases = suite.totals(found)
    if as_json:
        print_json({"passed": passed, "cases": cases, "report": str(out) if out else None})
    else:
        failed = [
            (file, one["name"], one["result"]["error"])
            for file, results in found.items()
            for one in results["tests"]
            if not one["result"]["passed"]
        ]
        if failed:
            print_table(("file", "case", "what is wrong"), failed)
        console().print(f"{passed} of {cases} cases pass" + (f"; report in {out}" if out else ""), markup=False)
    if passed < cases:
        raise typer.Exit(1)


def _warn(unknown: tuple[str, ...]) -> None:
    if unknown:
        typer.echo(f"not elements of FHIR R4, read as empty: {', '.join(unknown)}", err=True)


def _say_why_empty(wanted: str, found: dict[str, int]) -> None:
    held = ", ".join(f"{count:,} {kind}" for kind, count in found.items()) or "nothing"
    if wanted in found:
        reason = f"no {wanted} passes the view's where, or has what it iterates over"
    else:
        reason = f"the view reads {wanted}, and there is none"
    typer.echo(f"no rows: {reason}; the files hold {held}", err=True)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]

"""``twin map``: what a declared mapping would make of a file, before it is landed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.failures import OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings

if TYPE_CHECKING:
    from ehr.extract.check import Report
    from ehr.extract.mapping import Mapping

app = typer.Typer(
    cls=OneLine, no_args_is_help=True, help="Try and list the mappings of extracts.", rich_markup_mode=None
)


@app.command()
def check(
    mapping: Annotated[
        str, typer.Argument(help="A YAML file of mappings, or the name of one (twin map list) or of a shipped file.")
    ],
    file: Annotated[
        Path, typer.Argument(help="A CSV, TSV or Parquet extract, perhaps .gz or .zst.", exists=True, dir_okay=False)
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="Which mapping of a file with several; default: each in turn.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain what a mapping would do to a file; nothing is staged and no value of it is shown.

    Exit status 1 if a record or the file would be refused.

    Example: twin map check my_labs.yaml labs_2024.csv --json
    """
    from ehr.extract.check import check as run

    home = settings()
    reports = [run(one, file, home) for one in _mappings(mapping, name)]
    # Of several mappings in a file, those that do not fit at all say nothing about the one that does.
    usable = [one for one in reports if not one.refused]
    reports = usable or reports
    if as_json:
        print_json([{**asdict(one), "clean": one.clean} for one in reports])
    else:
        for one in reports:
            _print(one)
    if not all(one.clean for one in reports):
        raise typer.Exit(1)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the mappings: your own (TWIN_HOME/mappings) and the shipped ones, with the raw table each fills.

    Example: twin map list
    """
    from ehr.extract.catalog import load_mappings
    from ehr.extract.mapping import MappingError

    try:
        found = load_mappings(settings())
    except MappingError as error:
        raise WrongUsage(str(error)) from None
    rows = [
        {
            "mapping": one.name,
            "table": one.table,
            "files": one.files,
            "sources": one.sources,
            "description": one.description,
        }
        for one in found
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ("mapping", "raw table", "files", "description"),
            [(one.name, one.table, ", ".join(one.files[:3]), one.description) for one in found],
        )


def _mappings(text: str, name: str | None) -> list[Mapping]:
    from ehr.extract.catalog import SHIPPED, load_mappings
    from ehr.extract.mapping import MappingError, load

    shipped = SHIPPED / f"{text}.yaml"
    try:
        if text.endswith((".yaml", ".yml")) or (shipped.is_file() and text.isidentifier()):
            path = shipped if shipped.is_file() else Path(text)
            if not path.is_file():
                raise WrongUsage(f"no such mapping file: {text}")
            found = [one for one in load(path) if name in (None, one.name)]
        else:
            found = [one for one in load_mappings(settings()) if one.name == text]
    except MappingError as error:
        raise WrongUsage(str(error)) from None
    if not found:
        raise WrongUsage(f"no mapping named {name or text!r}; `twin map list` lists them")
    return found


def _print(report: Report) -> None:
    out = console()
    out.print(f"mapping {report.mapping}, {report.file} → {report.table}", markup=False)
    if report.refused:
        out.print(f"  the whole file would be refused: {report.refused}", markup=False)
        return
    out.print(f"  read as {report.read_as}", markup=False)
    print_table(
        ("column", "type", "from", "required", "records it makes unusable"),
        [
            (one.to, one.type, one.origin, one.required, ", ".join(f"{n:,} {why}" for why, n in one.rejected.items()))
            for one in report.columns
        ],
    )
    if report.columns_not_mapped:
        out.print(f"  not used: {', '.join(report.columns_not_mapped)}", markup=False)
    for why, count in report.broken.items():
        out.print(f"  {count:,} records could not be split into columns: {why}", markup=False)
    for example in report.examples:
        out.print(f"  {example}", markup=False)
    out.print(f"  {report.read:,} records: {report.accepted:,} accepted, {report.rejected:,} rejected", markup=False)

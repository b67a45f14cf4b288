"""``twin omh``: Open mHealth and IEEE 1752.1 documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings

app = typer.Typer(
    cls=OneLine, no_args_is_help=True, help="Open mHealth and IEEE 1752.1 documents.", rich_markup_mode="rich"
)

SHOWN = 50


@app.callback()
def group() -> None:
    """Keep ``validate`` a command of its own."""


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="JSON files: a document, an array, or one document a line.")],
    schemas: Annotated[
        list[Path] | None,
        typer.Option("--schemas", help="Folders of published schemas (repeatable). Default: TWIN_HOME/omh_schemas."),
    ] = None,
    schema: Annotated[
        str | None, typer.Option("--schema", help="Schema of bodies without a header, such as omh:blood-glucose:4.0.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold documents against their schemas: data points (header and body) by the schema that their header names.

    Date-times need a zone, as RFC 3339 and the schemas demand. Exit status 1 if a document is not valid.

    Example: twin omh validate points.json --schemas ~/openmhealth/schema --schemas ~/ieee1752
    """
    from wearables.omh_schemas import NoSchemas, Schemas, UnknownSchema, documents

    missing = [path for path in [*files, *(schemas or [])] if not path.exists()]
    if missing:
        raise WrongUsage(f"nothing at {missing[0]}")
    try:
        known = Schemas(*(schemas or [settings().home / "omh_schemas"]))
        if schema is not None:
            known.uri(schema)
    except NoSchemas as error:
        raise WrongUsage(f"{error}; get openmhealth/schemas and name its folder with --schemas") from None
    except UnknownSchema as error:
        raise WrongUsage(str(error)) from None
    found = []
    for path in files:
        try:
            for number, document in documents(path.read_bytes()):
                found += [(path, number, verdict) for verdict in known.judge(document, schema)]
        except ValueError as error:
            raise BadData(f"{path}: {error}") from None
    bad = [one for one in found if not one[2].is_valid]
    if as_json:
        print_json(
            [
                {
                    "file": path,
                    "document": number,
                    "schema": verdict.schema,
                    "is_valid": verdict.is_valid,
                    "problems": [{"place": one.place, "demand": one.demand} for one in verdict.problems],
                }
                for path, number, verdict in found
            ]
        )
    else:
        rows = [
            (path.name, number, verdict.schema, one.place, one.demand)
            for path, number, verdict in bad
            for one in verdict.problems
        ]
        if rows:
            print_table(("file", "document", "schema", "where", "what the schema demands"), rows, at_most=SHOWN)
        console().print(f"{len(found)} documents and headers, {len(found) - len(bad)} valid, {len(bad)} not")
    if bad:
        raise typer.Exit(1)

"""``twin code``: what a code says about itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from orchestration.cli.failures import OneLine, WrongUsage
from orchestration.cli.output import AsJson, print_json, print_table

app = typer.Typer(
    cls=OneLine,
    no_args_is_help=True,
    help="Check codes of LOINC, SNOMED CT, ICD, RxNorm, NDC and others.",
    rich_markup_mode=None,
)


@app.callback()
def group() -> None:
    """A group of its own, so that more can be asked of codes later."""


@app.command()
def check(
    code_system: Annotated[str, typer.Argument(metavar="SYSTEM", help="Short name, URI or OID, such as loinc.")],
    codes: Annotated[list[str], typer.Argument(metavar="CODE…", help="One or more codes.")],
    as_json: AsJson = False,
) -> None:
    """Check digits and forms, and what the codes mean here. Exit status 1 if one cannot be a code of its system.

    Example: twin code check loinc 4548-4 4548-5 --json
    """
    from ehr.terminology.codes import PROBLEMS, UnknownSystem
    from ehr.terminology.codes import check as run

    try:
        found = run(code_system, codes)
    except UnknownSystem as error:
        raise WrongUsage(str(error)) from None
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        print_table(
            ("system", "code", "stored as", "concept", "canonical unit", "problem"),
            [
                (
                    one.code_system,
                    one.code,
                    one.key,
                    one.concept,
                    one.canonical_unit,
                    PROBLEMS.get(one.problem or "", ""),
                )
                for one in found
            ],
        )
    if any(one.problem for one in found):
        raise typer.Exit(1)

"""``twin ucum``: units as the warehouse understands them."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite, nan
from typing import Annotated

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table

app = typer.Typer(
    cls=OneLine,
    no_args_is_help=True,
    help="Convert and check UCUM units, as the warehouse does.",
    rich_markup_mode=None,
)

NEGATIVE = {"ignore_unknown_options": True}
"""So that a negative number is a value, not an option."""


@app.command(context_settings=NEGATIVE)
def convert(
    value: Annotated[str, typer.Argument(help="The number.")],
    from_unit: Annotated[str, typer.Argument(metavar="FROM", help="Its unit: UCUM, or a known spelling such as IU/L.")],
    to_unit: Annotated[str, typer.Argument(metavar="TO", help="The unit wanted.")],
    analyte: Annotated[
        str | None, typer.Option("--analyte", help="What was measured: LOINC code, concept or substance.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Convert a value. Exit status 1 if the conversion is refused: nothing is guessed.

    Example: twin ucum convert 5.5 mmol/L mg/dL --analyte 2345-7
    """
    from ehr.terminology.ucum import Unconvertible
    from ehr.terminology.ucum import convert as run

    try:
        number = float(value)
    except ValueError:
        number = nan
    if not isfinite(number):
        raise WrongUsage(f"{value!r} is not a finite number")
    try:
        done = run(number, from_unit, to_unit, analyte)
    except Unconvertible as error:
        raise BadData(str(error)) from None
    if as_json:
        print_json(asdict(done))
    else:
        console().print(
            f"{done.value:.15g} {done.from_unit} = {done.result:.15g} {done.to_unit}  (by {done.basis})", markup=False
        )


@app.command()
def validate(
    units: Annotated[list[str], typer.Argument(metavar="UNIT…", help="One or more unit expressions.")],
    as_json: AsJson = False,
) -> None:
    """Say whether units are UCUM, case-sensitive, and what they mean. Exit status 1 if one is not.

    Example: twin ucum validate mg/dL K/uL --json
    """
    from ehr.terminology.ucum import validate as run

    found = run(units)
    if as_json:
        print_json([{"is_valid": one.is_valid, **asdict(one)} for one in found])
    else:
        header = ("unit", "is UCUM", "factor", "base units", "the warehouse reads", "problem")
        print_table(
            header,
            [
                (one.unit, one.is_valid, one.factor, one.base_units, one.known_spelling_of or one.unit, one.problem)
                for one in found
            ],
        )
    if not all(one.is_valid for one in found):
        raise typer.Exit(1)

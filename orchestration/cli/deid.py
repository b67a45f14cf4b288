"""``twin deid report``: what is left in the de-identified snapshot by which people could be found."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from orchestration.cli.failures import BadData, OneLine, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings

app = typer.Typer(
    cls=OneLine,
    no_args_is_help=True,
    help="The de-identified snapshot, which twin publish writes.",
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """Commands about the de-identified snapshot."""


@app.command()
def report(
    k: Annotated[int, typer.Option("--k", min=2, help="Groups of fewer people count as small.")] = 5,
    quasi: Annotated[
        str, typer.Option("--quasi", help="Columns of core.twin_person that an outsider may know of a person.")
    ] = "birth_year,sex,region_id",
    as_json: AsJson = False,
) -> None:
    """Say how well the de-identified snapshot hides people; exit status 1 if an identifier is left in it.

    Two questions: does any identifier of the identified snapshot (names, contacts, numbers, keys) stand anywhere in
    the other, and how many people share what an outsider may know of a person (k-anonymity).

    Example: twin deid report --k 11 --quasi birth_year,sex
    """
    from lake import reidentify
    from orchestration import privacy

    home = settings()
    columns = [one.strip() for one in quasi.split(",") if one.strip()]
    if not columns:
        raise WrongUsage("--quasi names no column")
    try:
        found = reidentify.report(home, privacy.rules(home), k, columns)
    except FileNotFoundError as error:
        raise BadData(str(error)) from None
    except ValueError as error:
        raise WrongUsage(str(error)) from None
    if as_json:
        print_json(asdict(found))
    else:
        _show(found)
    if found.left:
        places = ", ".join(f"{place} ({count})" for place, count in sorted(found.left.items()))
        raise BadData(f"identifiers are left in the de-identified snapshot: {places}")


def _show(found: object) -> None:
    from lake.reidentify import Report

    assert isinstance(found, Report)
    print_table(
        ("snapshot", "people alike in", "people", "groups", "smallest", "alone", f"in groups < {found.k}", "mean risk"),
        [
            (name, ", ".join(one.columns), one.people, one.groups, one.smallest, one.unique, one.below, one.mean_risk)
            for name, one in (("identified", found.identified), ("de-identified", found.deidentified))
        ],
    )
    console().print(
        f"{found.checked_identifiers:,} identifiers looked for among {found.checked_values:,} texts:"
        f" {sum(found.left.values())} found. Risk: the chance to find a person who is known to be in it."
    )

"""``twin link``: which records of person files belong to one person."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, progress

if TYPE_CHECKING:
    from orchestration.linkage import Linkage

SHOWN = 20
"""Pairs of each decision that are printed; ``--out`` and ``--json`` have them all."""


def link(
    files: Annotated[
        list[Path], typer.Argument(metavar="A.csv [B.csv]", help="One file to find duplicates in, or two to link.")
    ],
    key: Annotated[
        str | None, typer.Option("--key", help="Column that identifies a record; default mrn, patient_id, record_id …")
    ] = None,
    guard: Annotated[
        bool,
        typer.Option(
            "--guard", help="As in the warehouse: possible twins, parents and namesakes go to review, whatever the sum."
        ),
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write all pairs to this CSV.", dir_okay=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Find the records of one or two person files that are one person: pairs with score and decision.

    Columns are recognised by name: given and family name, birth date, sex, address, city, postal code, phone, e-mail,
    national number, under their usual names (`twin map list` has the mapping `people`). Rules decide first, then the
    sum of evidence after Fellegi and Sunter; `auto_link` from 0.99 on, `review` from 0.3 on.

    Example: twin link clinic.csv registry.csv --key id --out pairs.csv
    """
    from orchestration.linkage import NotPeople
    from orchestration.linkage import link as compute

    if len(files) > 2:
        raise WrongUsage(f"one file or two, not {len(files)}")
    for path in files:
        if not path.is_file():
            raise WrongUsage(f"no file at {path}")
    try:
        with progress("linking", quiet=as_json) as tell:
            tell("reading the files and comparing their records")
            found = compute(files, key=key, guard_households=guard)
    except NotPeople as error:
        raise BadData(str(error)) from None
    if out is not None:
        _write(found, out)
    if as_json:
        print_json(asdict(found))
    else:
        _show(found)
    if rejected := sum(one.rejected for one in found.files):
        raise BadData(f"{rejected} records could not be used: twin map check people FILE says why")


def _write(found: Linkage, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import csv

    from orchestration.linkage import Pair

    columns = {name: [getattr(one, name) for one in found.pairs] for name in Pair.__dataclass_fields__}
    csv.write_csv(pa.table(columns), path)


def _show(found: Linkage) -> None:
    for decision, title in (("auto_link", "One person"), ("review", "Perhaps one person: have a look")):
        pairs = [one for one in found.pairs if one.decision == decision]
        if pairs:
            print_table(
                ("file", "record", "file", "record", "score", "because of"),
                [
                    [one.left_file, one.left_key, one.right_file, one.right_key, one.score, one.method]
                    for one in pairs[:SHOWN]
                ],
                title=f"{title}: {len(pairs)} pairs" + (f", the first {SHOWN}" if len(pairs) > SHOWN else ""),
            )
    records = ", ".join(f"{one.name}: {one.records}" for one in found.files)
    console().print(f"{records} records; {found.people} people", markup=False)

"""``twin hl7`` and ``twin ccda``: read messages and documents without landing them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.failures import BadData, OneLine
from orchestration.cli.output import AsJson, console, print_json, print_table
from orchestration.cli.paths import files_below

if TYPE_CHECKING:
    from ehr.leaves import LeafReport
    from lake.preview import Preview
    from lake.reader import Reader

Files = Annotated[list[Path], typer.Argument(help="Files, or folders of files.")]

hl7 = typer.Typer(cls=OneLine, no_args_is_help=True, help="Look into HL7 v2 messages.", rich_markup_mode="rich")
ccda = typer.Typer(cls=OneLine, no_args_is_help=True, help="Look into C-CDA documents.", rich_markup_mode="rich")


@hl7.callback()
def _hl7() -> None:
    """Keep ``read`` a command of its own."""


@ccda.callback()
def _ccda() -> None:
    """Keep ``read`` a command of its own."""


@hl7.command("read")
def read_hl7(files: Files, as_json: AsJson = False) -> None:
    """Read HL7 v2 messages: rows per raw table, and what became of every value (staged, ignored by rule, rejected).

    Nothing is landed. Exit status 1 if anything was rejected.

    Example: twin hl7 read adt.hl7 oru_2026-06.hl7.gz
    """
    from ehr.hl7v2.reader import READERS

    _read(READERS[0], files, as_json)


@ccda.command("read")
def read_ccda(files: Files, as_json: AsJson = False) -> None:
    """Read C-CDA documents: rows per raw table, and what became of every value (staged, ignored by rule, rejected).

    Nothing is landed. Exit status 1 if anything was rejected.

    Example: twin ccda read summary.xml
    """
    from ehr.ccda.reader import READERS

    _read(READERS[0], files, as_json)


def _read(reader: Reader, files: list[Path], as_json: bool) -> None:
    from ehr.leaves import LeafReport
    from lake.preview import preview

    found = preview(files_below(files), [reader])
    leaves = LeafReport()
    rows: Counter[str] = Counter()
    for one in found:
        leaves.add(LeafReport.of(one.notes))
        rows.update({table: content.num_rows for table, content in one.tables.items()})
    if as_json:
        print_json({"files": [_as_dict(one) for one in found], "rows": dict(sorted(rows.items())), **leaves.as_dict()})
    else:
        _print(found, rows, leaves)
    refused = [one for one in found if one.refused]
    rejected = sum(len(one.rejected) for one in found)
    if refused or rejected:
        raise BadData(f"{len(refused)} of {len(found)} files refused, {rejected} records rejected")


def _as_dict(one: Preview) -> dict[str, object]:
    from ehr.leaves import LeafReport

    return {
        "file": str(one.path),
        "refused": one.refused or None,
        "records": one.records,
        "ignored_records": one.ignored,
        "rows": {table: content.num_rows for table, content in one.tables.items()},
        "rejected": [{"position": bad.position, "reason": bad.reason, "detail": bad.detail} for bad in one.rejected],
        **LeafReport.of(one.notes).as_dict(),
    }


def _print(found: list[Preview], rows: Counter[str], leaves: LeafReport) -> None:
    if rows:
        staged = [(table, rows[table], leaves.staged[table]) for table in sorted(rows)]
        print_table(("raw table", "rows", "values"), staged, "Staged")
    ignored = sorted(leaves.ignored.items())
    if ignored:
        print_table(("rule", "values"), ignored, "Left out by rule")
    refused = [(one.path.name, "file", one.refused) for one in found if one.refused]
    rejected = [(one.path.name, bad.position, f"{bad.reason}: {bad.detail}") for one in found for bad in one.rejected]
    if refused or rejected:
        print_table(("file", "position", "why"), [*refused, *rejected], "Rejected", 50)
    console().print(
        f"{len(found)} files, {leaves.total:,} values = {leaves.staged.total():,} staged + {leaves.ignored.total():,}"
        f" ignored by rule + {leaves.rejected.total():,} rejected"
    )

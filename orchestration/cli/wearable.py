"""``twin wearable``: look into device dumps without landing them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.failures import BadData, OneLine
from orchestration.cli.output import AsJson, console, print_json, print_table
from orchestration.cli.paths import files_below

app = typer.Typer(
    cls=OneLine, no_args_is_help=True, help="Look into device dumps and environment files.", rich_markup_mode="rich"
)

SHOWN = 50


@app.callback()
def group() -> None:
    """Keep ``read`` a command of its own."""


@app.command()
def read(
    files: Annotated[list[Path], typer.Argument(help="Files, or folders of files, in any format that can be landed.")],
    source: Annotated[
        str, typer.Option("--source", help="Delivering source, for formats that are told by it, such as fitbit.")
    ] = "preview",
    as_json: AsJson = False,
) -> None:
    """Read device dumps: format, rows per raw table, samples per metric, and what was rejected and why.

    Nothing is landed and no values are shown. Exit status 1 if anything was refused or rejected.

    Example: twin wearable read export.zip clarity.csv
    """
    from lake.preview import preview
    from wearables.contents import by_metric
    from wearables.readers import READERS

    found = preview(files_below(files), READERS, source)
    if as_json:
        print_json(
            [
                {
                    "file": one.path,
                    "format": one.format,
                    "refused": one.refused or None,
                    "records": one.records,
                    "ignored": one.ignored,
                    "rows": {table: rows.num_rows for table, rows in one.tables.items()},
                    "metrics": by_metric(one),
                    "rejected": [
                        {"position": bad.position, "reason": bad.reason, "detail": bad.detail} for bad in one.rejected
                    ],
                }
                for one in found
            ]
        )
    else:
        rows = [(one.path.name, one.format, *row.values()) for one in found for row in by_metric(one)]
        if rows:
            print_table(("file", "format", "metric", "unit", "samples", "first (UTC)", "last (UTC)"), rows)
        others = [
            (one.path.name, table, content.num_rows)
            for one in found
            for table, content in one.tables.items()
            if table != "wearable_sample"
        ]
        if others:
            print_table(("file", "raw table", "rows"), others)
        ignored = [(one.path.name, kind, number) for one in found for kind, number in one.ignored.items()]
        if ignored:
            print_table(("file", "not a metric of ours", "records"), ignored, "Ignored", SHOWN)
        bad = [(one.path.name, "file", one.refused) for one in found if one.refused]
        bad += [(one.path.name, row.position, f"{row.reason}: {row.detail}") for one in found for row in one.rejected]
        if bad:
            print_table(("file", "position", "why"), bad, "Rejected", SHOWN)
        total = {
            key: sum(one.records.get(key, 0) for one in found) for key in ("read", "accepted", "rejected", "ignored")
        }
        console().print(", ".join(f"{number:,} {key}" for key, number in total.items()) + f" in {len(found)} files")
    refused = sum(bool(one.refused) for one in found)
    rejected = sum(len(one.rejected) for one in found)
    if refused or rejected:
        raise BadData(f"{refused} of {len(found)} files refused, {rejected} records rejected")

"""``twin docs``: the warehouse's own documentation as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.failures import BadData
from orchestration.cli.output import AsJson, console, print_json, progress, settings


def docs(
    out: Annotated[Path | None, typer.Option("--out", help="Where to write it; default published/docs.html.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write dbt's documentation of every table, column, test and lineage as one HTML file that needs no network.

    Example: twin docs
    """
    from orchestration import dbt

    home = settings()
    if not home.warehouse.exists():
        raise BadData(f"no warehouse at {home.warehouse}; run `twin build` first")
    with progress("documentation", quiet=as_json) as tell:
        tell("dbt docs")
        path = dbt.docs(home, out or home.published / "docs.html")
    if as_json:
        print_json({"path": path, "bytes": path.stat().st_size})
    else:
        console().print(f"Written: {path} ({path.stat().st_size:,} bytes)")

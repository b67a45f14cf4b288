"""``twin land``: put files into the drop zone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings


def land(
    path: Annotated[Path, typer.Argument(help="A file, or a folder of files.")],
    source: Annotated[str, typer.Option("--source", help="Who delivers: a hospital, an app, a lab.")],
    account: Annotated[
        str | None,
        typer.Option("--account", "--person", help="Whose files these are, in the source's own key (device account)."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if any file is not recognised.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy files into landing, unchanged. The next `twin build` (or the landing sensor) takes them in.

    The same bytes are landed once. A file that no reader recognises is landed too, and refused with a reason at build.

    Example: twin land ./export.zip --source apple_health --account A17
    """
    from lake.landing import land as copy
    from lake.reader import Landed
    from orchestration.deliveries import UNRECOGNISED, format_of
    from orchestration.rooms import readers

    if not path.exists():
        raise WrongUsage(f"nothing at {path}")
    copied = copy(settings(), path, source, account)
    if not copied:
        raise BadData(f"{path} holds no files")
    rows = [
        {
            "file": str(one.path.relative_to(path) if one.path != path else one.path.name),
            "format": format_of(Landed(one.path, source, account), readers()),
            "bytes": one.bytes,
            "status": one.status,
        }
        for one in copied
    ]
    unknown = [row for row in rows if row["format"] == UNRECOGNISED]
    landed = sum(row["status"] == "landed" for row in rows)
    if as_json:
        print_json({"source": source, "account": account, "landed": landed, "files": rows})
    else:
        print_table(("file", "format", "bytes", "status"), [list(row.values()) for row in rows])
        console().print(
            f"{landed} of {len(rows)} files landed in {settings().landing / source}"
            + (f"; {len(rows) - landed} were there already" if landed < len(rows) else "")
            + "; next: twin build"
        )
    if unknown and (strict or len(unknown) == len(rows)):
        raise BadData(f"{len(unknown)} of {len(rows)} files are of no known format; `twin sources` lists the formats")

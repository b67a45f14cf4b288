"""``twin publish``: publish the warehouse as it stands."""

from __future__ import annotations

from orchestration.cli.failures import BadData
from orchestration.cli.output import AsJson, console, print_json, print_table, settings


def publish(as_json: AsJson = False) -> None:
    """Copy the warehouse's core tables and marts into a fresh read-only snapshot and swap it in atomically.

    `twin build` does this as its last step; this command repeats only that step.

    Example: twin publish
    """
    from lake.publish import publish as run

    home = settings()
    if not home.warehouse.exists():
        raise BadData(f"no warehouse at {home.warehouse}; run `twin build` first")
    publication = run(home)
    if as_json:
        print_json({"path": publication.path, "bytes": publication.bytes, "rows": publication.rows})
    else:
        print_table(("table", "rows"), sorted(publication.rows.items()))
        console().print(f"Published: {publication.path} ({publication.bytes:,} bytes)")

"""``twin status``: what arrived, what was rejected and why, what is stale."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from orchestration.cli.failures import BadData
from orchestration.cli.output import AsJson, console, print_json, print_table, settings
from orchestration.cli.refusals import print_refused


def status(
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if anything was rejected or is stale.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what arrived, what was rejected and why (with file and positions), what still waits, and what is stale.

    Example: twin status --json
    """
    from orchestration.status import status as look

    home = settings()
    found = look(home)
    if as_json:
        print_json({"home": home.home, **asdict(found)})
    else:
        console().print(f"Home: {home.home}")
        if found.arrived:
            print_table(
                ("source", "format", "files", "refused", "read", "accepted", "rejected", "ignored"),
                [tuple(asdict(one).values()) for one in found.arrived],
                title="What arrived",
            )
        print_refused((one.path, one.reason, one.detail) for one in found.refused)
        if found.rejected:
            print_table(
                ("file", "reason", "records", "where", "what was wrong"),
                [
                    (one.path, one.reason, one.records, _where(one.positions, one.records), one.detail)
                    for one in found.rejected
                ],
                title="Records rejected",
            )
        if found.ignored:
            print_table(
                ("source", "format", "reason", "records"),
                [tuple(asdict(one).values()) for one in found.ignored],
                title="Records ignored on purpose",
            )
        waiting = ", ".join(f"{one.files} from {one.source}" for one in found.waiting)
        console().print(f"Waiting in landing: {waiting or 'nothing'}")
        console().print(f"Stale: {', '.join(found.stale) or 'nothing'}")
        console().print(
            f"Published: {found.published_at or 'never'}{f' ({home.snapshot})' if found.published_at else ''}"
        )
    if strict and (found.refused or found.rejected or found.stale or found.waiting):
        raise BadData("something was rejected, waits or is stale")


def _where(positions: list[str], records: int) -> str:
    return "; ".join(positions) + (" …" if records > len(positions) else "")

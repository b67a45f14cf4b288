"""``twin publish``: publish the warehouse as it stands, identified, de-identified and, if asked, encrypted."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, progress, settings

KEY = "TWIN_SNAPSHOT_KEY"
"""Environment variable with the key of the encrypted snapshot; an option would show in the list of processes."""


def publish(
    dates: Annotated[
        Literal["shift", "year"],
        typer.Option("--dates", help="De-identified dates: shifted person by person, or years only."),
    ] = "shift",
    encrypted: Annotated[
        bool, typer.Option("--encrypted", help=f"Also write an encrypted snapshot; its key is in {KEY}.")
    ] = False,
    log: Annotated[bool, typer.Option("--log", help="Only show who published what, and whether the log is whole.")] = (
        False
    ),
    as_json: AsJson = False,
) -> None:
    """Copy the core tables and marts into fresh read-only snapshots and swap them in atomically.

    `twin build` does this as its last step; this command repeats only that step. Each publish is noted in
    `published/publishes.ndjson`, where a line that was changed later shows.

    Example: twin publish   or   twin publish --log
    """
    from lake import deid, encrypt, publish_log
    from lake.publish import publish as run
    from orchestration import privacy

    home = settings()
    if log:
        _show_log(as_json)
        return
    if not home.warehouse.exists():
        raise BadData(f"no warehouse at {home.warehouse}; run `twin build` first")
    key = os.environ.get(KEY, "")
    if encrypted and not key:
        raise WrongUsage(f"--encrypted needs a key in the environment variable {KEY}")
    with progress("publishing", quiet=as_json) as tell:
        tell("identified snapshot")
        publication = run(home)
        publish_log.note(home, "identified", publication)
        tell("de-identified snapshot")
        made = deid.deidentify(home, privacy.rules(home), dates)
        publish_log.note(home, "de-identified", made.publication)
        files = [publication, made.publication]
        if encrypted:
            try:
                files.append(encrypt.encrypt(home, key))
            except encrypt.NoEncryption as error:
                raise BadData(str(error)) from None
            publish_log.note(home, "encrypted", files[-1])
    if as_json:
        print_json(
            {
                **asdict(publication),
                "deidentified": {**asdict(made.publication), "left_out": made.left_out, "dates": dates},
                "encrypted": asdict(files[2]) if encrypted else None,
            }
        )
        return
    safe = made.publication.rows
    print_table(
        ("table", "rows", "de-identified"),
        [(name, count, safe.get(name, "left out")) for name, count in sorted(publication.rows.items())],
    )
    for one in files:
        console().print(f"Published: {one.path} ({one.bytes:,} bytes)")


def _show_log(as_json: bool) -> None:
    from lake import publish_log

    home = settings()
    found, broken = publish_log.events(home), publish_log.broken_at(home)
    if as_json:
        print_json({"publishes": [asdict(one) for one in found], "broken_at": broken})
    else:
        print_table(
            ("when", "who", "what", "file", "rows", "sha256"),
            [(one.at, one.who, one.kind, one.path, one.rows, one.sha256[:12]) for one in found],
        )
        console().print(f"{len(found)} publishes")
    if broken:
        raise BadData(f"line {broken} of {publish_log.log_path(home)} does not follow from the line before")

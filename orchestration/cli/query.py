"""``twin query``: SQL on the published snapshot."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings


def query(
    sql: Annotated[str, typer.Argument(help="One SQL statement in DuckDB's dialect; '-' reads it from stdin.")],
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Rows of a table to print; JSON and CSV print all.")
    ] = 50,
    snapshot: Annotated[
        Path | None, typer.Option("--snapshot", help="Another snapshot than the published one.")
    ] = None,
) -> None:
    """Ask the published snapshot, read-only. A build that runs at the same time is not disturbed.

    Example: twin query "select band, count(*) from marts_risk.scored_cohort group by all" --json
    """
    import duckdb

    from lake.warehouse import reading

    if as_json and as_csv:
        raise WrongUsage("--json and --csv exclude each other")
    try:
        with reading(settings(), snapshot) as connection:
            # Only what is in the snapshot: no files, no network, no way back.
            connection.execute("set enable_external_access = false")
            connection.execute("set lock_configuration = true")
            outcome = connection.execute(sys.stdin.read() if sql == "-" else sql)
            names = [column[0] for column in outcome.description or []]
            rows = outcome.fetchall() if as_json or as_csv else outcome.fetchmany(limit + 1)
    except FileNotFoundError as error:
        raise BadData(str(error)) from None
    except duckdb.Error as error:
        raise WrongUsage(str(error)) from None
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([[_safe(value) for value in row] for row in rows])
    else:
        print_table(names, rows[:limit])
        if len(rows) > limit:
            console().print(f"first {limit} rows; --limit shows more, --json and --csv print all")


def _safe(value: object) -> object:
    """A text that a spreadsheet would run as a formula is quoted."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value

"""``twin query``: SQL on the published snapshot."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.failures import BadData, WrongUsage
from orchestration.cli.output import AsJson, console, print_json, print_table, settings

if TYPE_CHECKING:
    from lake.settings import Settings


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
    if as_json and as_csv:
        raise WrongUsage("--json and --csv exclude each other")
    statement = sys.stdin.read() if sql == "-" else sql
    names, rows = rows_of(settings(), statement, snapshot, None if as_json or as_csv else limit + 1)
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


def rows_of(
    home: Settings, sql: str, snapshot: Path | None = None, most: int | None = None
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of a statement on a snapshot; nothing but the snapshot can be reached.

    Raises:
        BadData: nothing has been published.
        WrongUsage: DuckDB does not take the statement.
    """
    import duckdb

    from lake.warehouse import reading

    try:
        with reading(home, snapshot) as connection:
            connection.execute("set enable_external_access = false")
            connection.execute("set lock_configuration = true")
            outcome = connection.execute(sql)
            names = [column[0] for column in outcome.description or []]
            return names, outcome.fetchall() if most is None else outcome.fetchmany(most)
    except FileNotFoundError as error:
        raise BadData(str(error)) from None
    except duckdb.Error as error:
        raise WrongUsage(str(error)) from None


def _safe(value: object) -> object:
    """A text that a spreadsheet would run as a formula is quoted."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value

"""What commands print: readable tables on a terminal, JSON with ``--json``. Progress goes to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from lake.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print machine-readable JSON.")]

PIPE_WIDTH = 140
"""Columns of a table that is not printed on a terminal."""


def settings() -> Settings:
    """The settings of the home that the environment (or ``twin --home``) names."""
    from lake.settings import Settings

    return Settings()


def console() -> Console:
    """Standard output, as wide as the terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, soft_wrap=False)


def print_json(content: Any) -> None:
    """Print one JSON document; dates in ISO form."""
    typer.echo(json.dumps(content, indent=2, default=_plain, ensure_ascii=False))


def print_table(
    header: Sequence[str], rows: Sequence[Sequence[object]], title: str = "", at_most: int | None = None
) -> None:
    """Print a table; numbers to the right. Beyond ``at_most`` rows it only says how many more there are."""
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold", box=_box())
    numeric = [all(isinstance(row[i], int | float | None) for row in rows) and bool(rows) for i in range(len(header))]
    for name, right in zip(header, numeric, strict=True):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows[:at_most]:
        table.add_row(*(_cell(value) for value in row))
    console().print(table)
    if at_most is not None and len(rows) > at_most:
        console().print(f"and {len(rows) - at_most:,} more; --json has all")


@contextmanager
def progress(start: str, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A spinner with what is being done and the time so far; plain lines where stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    err = Console(stderr=True, highlight=False)
    if quiet:
        yield lambda _: None
    elif not err.is_terminal:
        yield lambda text: err.print(f"  {text}")
    else:
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=err) as bar:
            task = bar.add_task(start)

            def tell(text: str) -> None:
                bar.update(task, description=text)

            yield tell


def _box() -> Any:
    from rich import box

    return box.SIMPLE_HEAD


def _cell(value: object) -> str:
    from rich.markup import escape

    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return escape(str(value))


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)

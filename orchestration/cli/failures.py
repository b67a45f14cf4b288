"""How a command fails: one clear line on stderr and an exit status. A traceback only with ``--debug``."""

from __future__ import annotations

import traceback
from typing import Any

import click
import typer
from typer.core import TyperGroup

BAD_DATA = 1
WRONG_USAGE = 2


class BadData(Exception):
    """The command was right, the data is not: exit status 1."""


class WrongUsage(Exception):
    """The command was wrong: exit status 2."""


class OneLine(TyperGroup):
    """A command group that accepts ``--debug`` anywhere and turns every error into one line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take ``--debug`` out of the arguments, wherever it stands."""
        ctx.meta["debug"] = "--debug" in args
        try:
            return super().parse_args(ctx, [one for one in args if one != "--debug"])
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise _wrong_usage(error) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; map what it raises."""
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise _wrong_usage(error) from None
        except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
            raise  # a pipe that reads no more, such as `| head`, is no failure to tell: click ends quietly
        except Exception as error:
            if ctx.meta["debug"]:
                traceback.print_exc()
            status, line = _explained(error)
            hint = "" if ctx.meta["debug"] or status == WRONG_USAGE or _expected(error) else " (--debug shows where)"
            typer.echo(f"twin: {line}{hint}", err=True)
            raise typer.Exit(status) from None


def _wrong_usage(error: click.UsageError) -> typer.Exit:
    """Print a usage error as one line that says where the help is."""
    command = error.ctx.command_path if error.ctx else "twin"
    typer.echo(f"{command}: {error.format_message()} See `{command} --help`.", err=True)
    return typer.Exit(WRONG_USAGE)


def _expected(error: Exception) -> bool:
    return isinstance(error, BadData | WrongUsage | FileNotFoundError) or type(error).__name__ in {"Busy", "BadFile"}


def _explained(error: Exception) -> tuple[int, str]:
    """Exit status and the line to print."""
    line = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, WrongUsage) or type(error).__name__ in {"BadName", "LandingInUse"}:
        return WRONG_USAGE, line
    if _expected(error):
        return BAD_DATA, line
    return BAD_DATA, f"{type(error).__name__}: {line}"

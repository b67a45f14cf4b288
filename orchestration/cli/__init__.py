"""The ``twin`` command: one file per command. Heavy imports happen inside commands, so that help is instant."""

from __future__ import annotations

from orchestration.cli.program import app

__all__ = ["app", "main"]


def main() -> None:
    """Entry point of the ``twin`` command."""
    app(prog_name="twin")

"""The ``twin`` command: one file per command. Heavy imports happen inside commands, so that help is instant."""

from __future__ import annotations

import sys
import warnings

from orchestration.cli.program import app

__all__ = ["app", "main"]


def main() -> None:
    """Entry point of the ``twin`` command."""
    if not sys.warnoptions:
        # Remarks of libraries to their developers; python -W default shows them.
        warnings.simplefilter("ignore")
    app(prog_name="twin")

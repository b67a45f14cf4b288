"""Files and folders as arguments of commands."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orchestration.cli.failures import WrongUsage


def existing(path: Path) -> Path:
    """The path of a file that is there.

    Raises:
        WrongUsage: there is none.
    """
    if not path.is_file():
        raise WrongUsage(f"no file at {path}")
    return path


def files_below(paths: Iterable[Path]) -> list[Path]:
    """The files, and every file below the folders, in order of name.

    Raises:
        WrongUsage: there is nothing at a path.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise WrongUsage(f"nothing at {path}")
        found += [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return found

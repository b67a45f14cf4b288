"""How refused files are listed: what was wrong once, with a few of the files it was wrong with."""

from __future__ import annotations

from collections.abc import Iterable

from orchestration.cli.output import print_table

EXAMPLES = 3


def print_refused(refused: Iterable[tuple[str, str, str]]) -> None:
    """Print (path, reason, detail) of refused files, grouped by source, reason and detail."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for path, reason, detail in refused:
        groups.setdefault((path.split("/", 1)[0], reason, detail), []).append(path)
    rows = [
        (source, reason, len(paths), "\n".join([*paths[:EXAMPLES], *(["…"] if len(paths) > EXAMPLES else [])]), detail)
        for (source, reason, detail), paths in sorted(groups.items())
    ]
    if rows:
        print_table(("source", "reason", "files", "such as", "what to do"), rows, title="Files refused whole")

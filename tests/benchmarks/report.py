"""How measurements are shown and kept."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.cost import ROOT

COLUMNS = {
    "stage": "stage",
    "cpu_s": "CPU s",
    "wall_s": "wall s",
    "rows": "rows",
    "mb": "MB in",
    "peak_mb": "peak MB",
    "peer": "compared with",
    "ratio": "ratio",
    "budget": "budget",
    "ok": "within",
}
"""Keys of a row and their headings. ``mb``: size of the input; ``ratio``: our CPU seconds over the peer's, unless
``peer`` says otherwise; ``ok``: True or False where there is a budget."""


def table(area: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print one area's rows; columns that nobody fills are left out."""
    from orchestration.cli.output import print_table

    keys = [key for key in COLUMNS if any(row.get(key) is not None for row in rows)]
    keys += sorted({key for row in rows for key in row} - set(COLUMNS))
    print_table([COLUMNS.get(key, key) for key in keys], [[row.get(key) for key in keys] for row in rows], title=area)


def keep(path: Path, areas: dict[str, list[dict[str, Any]]]) -> None:
    """Write everything as one JSON document with what is needed to compare it with another run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "areas": areas,
    }
    path.write_text(json.dumps(content, indent=1, default=str) + "\n")


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"

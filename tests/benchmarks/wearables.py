"""Wearables: FIT records against fitdecode, and the time from a landed reading to its committed alarm.

FIT: fitdecode's own test files (../shared/data), those that are read in columns; the peer only iterates their messages.
Latency: files appear one by one while a monitor in a process of its own watches; each raises one alarm.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import cost

FILES = cost.ROOT.parent / "shared" / "data" / "wearables" / "fit" / "fitdecode" / "tests" / "files"
FIT_FASTER, LATENCY_S = 10.0, 1.0
ALARMS, READINGS_A_FILE = 100, 300
WATCH = """
import sys
from pathlib import Path
from lake.settings import Settings
from wearables.monitor.watch import Places, watch
watch(Places.of(Settings(home=Path(sys.argv[1]))), lambda alarm: None)
"""


def measure() -> list[dict[str, Any]]:
    """Both; each in processes of their own."""
    return [*_fit(), _latency()]


def _fit() -> list[dict[str, Any]]:
    if not FILES.is_dir():
        return [{"stage": "FIT records", "peer": "no shared data beside the checkout"}]
    ours, peer = (cost.apart(f"tests.benchmarks.wearables:{name}") for name in ("scanned", "fitdecoded"))
    ratio = peer["cpu_s"] / ours["cpu_s"]
    row = {"stage": "FIT records in columns", **ours, "peer": "fitdecode, nothing kept", "ratio": round(ratio, 1)}
    return [
        row | {"budget": f"≥ {FIT_FASTER:g}", "ok": ratio >= FIT_FASTER},
        {"stage": "fitdecode, nothing kept", **peer},
    ]


def _activities() -> list[Path]:
    from wearables.fit_records import scan

    return [path for path in sorted(FILES.glob("*.fit")) if scan(path.read_bytes()) is not None]


def scanned() -> dict[str, Any]:
    """Our scan of all activities."""
    from wearables.fit_records import scan

    paths = _activities()
    found = cost.of(lambda: sum(one.messages for path in paths if (one := scan(path.read_bytes()))))
    return {**found.row(), "cpu_s": round(found.cpu_s, 3), "rows": found.result}


def fitdecoded() -> dict[str, Any]:
    """fitdecode's messages of the same files."""
    import fitdecode

    paths = _activities()

    def count() -> int:
        return sum(
            frame.frame_type == fitdecode.FIT_FRAME_DATA for path in paths for frame in fitdecode.FitReader(str(path))
        )

    found = cost.of(count)
    return {**found.row(), "rows": found.result}


def _latency() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        incoming = Path(home) / "hot" / "incoming"
        incoming.mkdir(parents=True)
        process = subprocess.Popen([sys.executable, "-c", WATCH, home], cwd=cost.ROOT)
        try:
            store = Path(home) / "hot" / "monitor.sqlite"
            while not store.exists():
                time.sleep(0.05)
            for number in range(ALARMS):
                _land(incoming, number)
                time.sleep(0.15)
            waits = _waits(store)
        finally:
            process.kill()
            process.wait()
    p95 = float(np.quantile(waits, 0.95)) if len(waits) == ALARMS else float("inf")
    median = float(np.median(waits)) if waits else float("inf")
    row = {"stage": f"reading landed to alarm committed, {ALARMS} alarms, median {median:.2f} s, p95 {p95:.2f} s"}
    return row | {"rows": ALARMS * READINGS_A_FILE, "budget": f"p95 ≤ {LATENCY_S:g} s", "ok": p95 <= LATENCY_S}


def _land(incoming: Path, number: int) -> None:
    """A file of many people's readings, one of whom has been low for 20 minutes."""
    now = datetime.now(UTC)
    rows = [
        {
            "person": f"L{number}",
            "metric": "glucose",
            "at": (now - timedelta(minutes=m)).isoformat(),
            "value": 60,
            "unit": "mg/dL",
        }
        for m in (20, 15, 10, 5, 0)
    ]
    rows += [
        {"person": f"Q{n}", "metric": "glucose", "at": now.isoformat(), "value": 100, "unit": "mg/dL"}
        for n in range(READINGS_A_FILE - len(rows))
    ]
    draft = incoming / f"{number:05}.part"
    draft.write_text("\n".join(json.dumps(row) for row in rows))
    draft.rename(incoming / f"{number:05}.ndjson")


def _waits(store: Path) -> list[float]:
    deadline = time.monotonic() + 60
    while True:
        with sqlite3.connect(store) as connection:
            found = connection.execute(
                "select committed_at - received_at from alarm where rule = 'glucose_below_70'"
            ).fetchall()
        if len(found) >= ALARMS or time.monotonic() > deadline:
            return [row[0] for row in found]
        time.sleep(0.2)


if __name__ == "__main__":
    from tests.benchmarks.report import table

    table("wearables", measure())

"""What a piece of work costs: CPU seconds with all threads and children, wall seconds, and the largest memory held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Cost:
    """Of one piece of work. ``peak_mb`` is the process's resident memory at its highest; None where unknown."""

    cpu_s: float
    wall_s: float
    peak_mb: float | None
    result: Any = None

    def row(self) -> dict[str, Any]:
        """As keys of a benchmark row."""
        peak = None if self.peak_mb is None else round(self.peak_mb)
        return {"cpu_s": round(self.cpu_s, 2), "wall_s": round(self.wall_s, 2), "peak_mb": peak}


class Stopwatch:
    """Cuts a process's time into laps. The peak of memory is per lap where the kernel can forget it (Linux)."""

    def __init__(self) -> None:
        self._start()

    def lap(self) -> Cost:
        """Return what was spent since the lap before, and begin the next one."""
        cost = Cost(_cpu() - self._cpu, time.perf_counter() - self._wall, _peak_mb())
        self._start()
        return cost

    def _start(self) -> None:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self._cpu, self._wall = _cpu(), time.perf_counter()


def of(function: Callable[[], Any]) -> Cost:
    """Run a function here and now. Imports that it makes count; warm up before where they should not."""
    watch = Stopwatch()
    result = function()
    cost = watch.lap()
    return Cost(cost.cpu_s, cost.wall_s, cost.peak_mb, result)


def apart(target: str, *arguments: object, python: str | None = None) -> Any:
    """Call ``module:function`` with JSON arguments in a fresh process, so that memory and imports are its own.

    ``python`` is another interpreter, of an environment where a peer is installed.

    Raises:
        RuntimeError: the process failed; its last lines of output are in the message.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        code = (
            "import importlib, json, sys; module, name = sys.argv[1].split(':'); from pathlib import Path;"
            "Path(sys.argv[3]).write_text(json.dumps("
            "getattr(importlib.import_module(module), name)(*json.loads(sys.argv[2])), default=str))"
        )
        done = subprocess.run(
            [python or sys.executable, "-c", code, target, json.dumps(arguments, default=str), str(answer)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            stdout=sys.stderr,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        if done.returncode:
            raise RuntimeError(f"{target} failed:\n" + "\n".join(done.stderr.splitlines()[-15:]))
        return json.loads(answer.read_text())


def _cpu() -> float:
    found = os.times()
    return found.user + found.system + found.children_user + found.children_system


def _peak_mb() -> float | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)

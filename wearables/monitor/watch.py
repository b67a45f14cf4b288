"""The resident monitor: tails a folder of small files and takes them in as they appear.

Producers write ``name.part`` and rename it, so that a file that is seen is whole. A file that has been taken in moves
to the folder ``taken``; if the monitor dies in between, the next one finds its hash known and moves it. A file that is
too large to be a batch moves to ``refused``.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lake.settings import Settings
from wearables.monitor.readings import Rejected, parse
from wearables.monitor.rule import Alarm
from wearables.monitor.rules import AnyRule, declared
from wearables.monitor.store import Batch, Store

POLL_S = 0.1
TICK_S = 30.0
MOST_FILES = 200
"""Files of one transaction: a backlog is worked off quickly, and never held in memory."""
MOST_BYTES = 64 << 20
TOLD_LINES = 3
_UNFINISHED = (".part", ".partial", ".tmp")


@dataclass(frozen=True)
class Places:
    """Where readings arrive, where they go, and what the monitor remembers."""

    incoming: Path
    taken: Path
    refused: Path
    store: Path

    @classmethod
    def of(cls, settings: Settings) -> Places:
        """Below ``TWIN_HOME/hot``."""
        hot = settings.home / "hot"
        return cls(hot / "incoming", hot / "taken", hot / "refused", hot / "monitor.sqlite")


def watch(
    places: Places,
    tell: Callable[[Alarm], None],
    rules: Sequence[AnyRule] | None = None,
    *,
    complain: Callable[[str], None] | None = None,
    until: Callable[[], bool] | None = None,
    once: bool = False,
) -> int:
    """Take in files until stopped; returns how many.

    Args:
        places: the folders, made where they lack.
        tell: called with each new alarm, after it is committed.
        rules: default: those that are declared.
        complain: called with a sentence on each file of which lines were refused, or all of it; it holds no values.
        until: asked after every look; True ends the watch.
        once: look only as long as there is something.
    """
    rules = declared() if rules is None else rules
    for folder in (places.incoming, places.taken, places.refused):
        folder.mkdir(parents=True, exist_ok=True)
    store = Store(places.store)
    number, ticked = 0, 0.0
    try:
        while True:
            found = 0
            for paths in _portions(places.incoming):
                alarms, complaints = _take_in(store, places, paths, rules)
                for alarm in alarms:
                    tell(alarm)
                if complain is not None:
                    for complaint in complaints:
                        complain(complaint)
                found += len(paths)
            number += found
            now = time.time()
            if not once and now - ticked >= TICK_S:
                ticked = now
                for alarm in store.tick(now, rules):
                    tell(alarm)
            if (once and not found) or (until is not None and until()):
                return number
            if not found:
                time.sleep(POLL_S)
    finally:
        store.close()


def _take_in(
    store: Store, places: Places, paths: Sequence[Path], rules: Sequence[AnyRule]
) -> tuple[list[Alarm], list[str]]:
    batches, moves, complaints = [], [], []
    for path in paths:
        received = path.stat().st_mtime
        if path.stat().st_size > MOST_BYTES:
            moves.append((path, places.refused))
            complaints.append(f"{path.name}: moved to {places.refused}, larger than {MOST_BYTES >> 20} MB; split it")
            continue
        content = path.read_bytes()
        file_hash = hashlib.sha256(content).digest()
        moves.append((path, places.taken))
        if not store.has(file_hash):
            readings, rejected = parse(content, received)
            batches.append(Batch(path.name, file_hash, received, readings, rejected))
            if rejected:
                complaints.append(_refused(path.name, len(readings), rejected))
    alarms = store.take_in(batches, rules) if batches else []
    for path, folder in moves:
        path.rename(folder / path.name)
    return alarms, complaints


def _refused(name: str, accepted: int, rejected: Sequence[Rejected]) -> str:
    lines = [f"line {one.line} {one.reason}" for one in rejected[:TOLD_LINES]]
    if more := len(rejected) - len(lines):
        lines.append(f"{more:,} more")
    return f"{name}: {len(rejected):,} of {accepted + len(rejected):,} readings refused ({', '.join(lines)})"


def _portions(folder: Path) -> Iterator[list[Path]]:
    """Finished files, oldest first, in portions."""
    with os.scandir(folder) as entries:
        found = [
            (entry.stat().st_mtime_ns, entry.name)
            for entry in entries
            if entry.is_file(follow_symlinks=False)
            and not entry.name.startswith(".")
            and not entry.name.endswith(_UNFINISHED)
        ]
    names = [name for _, name in sorted(found)]
    for start in range(0, len(names), MOST_FILES):
        yield [folder / name for name in names[start : start + MOST_FILES]]

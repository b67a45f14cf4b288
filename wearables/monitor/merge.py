"""From the hot folder to landing: what the monitor has taken in, in a few files instead of thousands.

A file's name is the hash of its content, and a taken file goes only after the file that holds its lines is there:
whoever
is killed in between merges the same lines again, which downstream are the same readings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from lake.files import replacing
from lake.settings import Settings
from wearables.monitor.store import Store
from wearables.monitor.watch import Places

SOURCE = "live"
PORTION_BYTES = 64 << 20


@dataclass(frozen=True)
class Merged:
    """What was handed over: taken files, the landed files that hold them, and new alarms."""

    taken: int
    landed: int
    alarms: int


def merge(settings: Settings) -> Merged:
    """Hand over what was taken in, and the alarms that were not handed over yet."""
    places = Places.of(settings)
    folder = settings.landing / SOURCE
    taken = landed = 0
    for portion in _portions(places.taken):
        content = b"".join(_lines(path.read_bytes() for path in portion))
        if content:
            _write(folder, "readings", content)
            landed += 1
        for path in portion:
            path.unlink()
        taken += len(portion)
    return Merged(taken, landed, _alarms(places, folder))


def _portions(folder: Path) -> Iterator[list[Path]]:
    portion: list[Path] = []
    size = 0
    for path in sorted(folder.glob("[!.]*")) if folder.is_dir() else ():
        portion.append(path)
        size += path.stat().st_size
        if size >= PORTION_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _lines(contents: Iterable[bytes]) -> Iterator[bytes]:
    for content in contents:
        for line in content.splitlines():
            if line.strip():
                yield line + b"\n"


def _alarms(places: Places, folder: Path) -> int:
    if not places.store.exists():
        return 0
    store = Store(places.store)
    try:
        rows = store.unmerged()
        if rows:
            _write(folder, "alarms", b"".join(_alarm(row) for row in rows))
            store.merged(rows)
        return len(rows)
    finally:
        store.close()


def _alarm(row: dict[str, object]) -> bytes:
    times = {name: _time(row[name]) for name in ("began", "at", "received_at", "committed_at")}
    evidence = orjson.loads(str(row["evidence"]))
    return orjson.dumps({**row, **times, "evidence": evidence, "is_late": bool(row["is_late"])}) + b"\n"


def _time(seconds: object) -> str:
    return datetime.fromtimestamp(float(str(seconds)), UTC).isoformat()


def _write(folder: Path, kind: str, content: bytes) -> None:
    target = folder / f"{kind}-{hashlib.sha256(content).hexdigest()[:32]}.ndjson"
    if not target.exists():
        with replacing(target) as draft:
            draft.write_bytes(content)

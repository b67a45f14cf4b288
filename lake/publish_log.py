"""The log of publishes: who put what where, one JSON line each, chained so that a changed line shows."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from lake import files
from lake.publish import Publication
from lake.settings import Settings

Kind = Literal["identified", "de-identified", "encrypted"]


@dataclass(frozen=True)
class Event:
    """One publish. ``previous`` is the sha256 of the line before, empty for the first."""

    at: str
    who: str
    kind: Kind
    path: str
    sha256: str
    bytes: int
    tables: int
    rows: int
    previous: str


def log_path(settings: Settings) -> Path:
    """Where the log lies: beside the snapshots, never replaced."""
    return settings.published / "publishes.ndjson"


def note(settings: Settings, kind: Kind, publication: Publication) -> Event:
    """Append a publish to the log."""
    path = log_path(settings)
    lines = _lines(settings)
    event = Event(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        who=_user(),
        kind=kind,
        path=publication.path.name,
        sha256=files.sha256(publication.path),
        bytes=publication.bytes,
        tables=len(publication.rows),
        rows=sum(publication.rows.values()),
        previous=_digest(lines[-1]) if lines else "",
    )
    with path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(asdict(event)) + "\n")
        log.flush()
        os.fsync(log.fileno())
    return event


def events(settings: Settings) -> list[Event]:
    """All publishes, oldest first."""
    return [Event(**json.loads(line)) for line in _lines(settings)]


def broken_at(settings: Settings) -> int | None:
    """The first line, from 1, that does not follow from the line before; None: the log is whole."""
    before = ""
    for number, line in enumerate(_lines(settings), 1):
        if json.loads(line)["previous"] != before:
            return number
        before = _digest(line)
    return None


def _lines(settings: Settings) -> list[str]:
    path = log_path(settings)
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())

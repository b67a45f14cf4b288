"""The state of a home: what arrived, what was rejected and why, what waits, what is stale, what is published."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from lake import manifest
from lake.manifest import Entry
from lake.settings import Settings
from orchestration import rooms, staleness
from orchestration.deliveries import waiting

POSITIONS_SHOWN = 5


@dataclass(frozen=True)
class Arrived:
    """Files of one source and format, with their records."""

    source: str
    format: str
    files: int
    refused: int
    records_read: int
    records_accepted: int
    records_rejected: int
    records_ignored: int


@dataclass(frozen=True)
class Refused:
    """A file of which nothing was used."""

    path: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Rejected:
    """Records of one file rejected for one reason; the first few positions."""

    path: str
    reason: str
    records: int
    positions: list[str]
    detail: str


@dataclass(frozen=True)
class Ignored:
    """Records that a reader passes over on purpose."""

    source: str
    format: str
    reason: str
    records: int


@dataclass(frozen=True)
class Waiting:
    """New files of one source, by format."""

    source: str
    files: int
    formats: dict[str, int]


@dataclass(frozen=True)
class Status:
    """All of it."""

    arrived: list[Arrived]
    refused: list[Refused]
    rejected: list[Rejected]
    ignored: list[Ignored]
    waiting: list[Waiting]
    stale: list[str]
    published_at: datetime | None


def status(settings: Settings) -> Status:
    """Look at a home; changes nothing but the cache of file hashes."""
    entries = manifest.entries(settings)
    new = waiting(settings, rooms.readers())
    published = settings.snapshot.stat().st_mtime if settings.snapshot.exists() else None
    return Status(
        arrived=_arrived(entries),
        refused=[Refused(one.path, one.reason or "", one.detail or "") for one in entries if one.status == "rejected"],
        rejected=_rejected(settings, entries),
        ignored=_ignored(entries),
        waiting=[
            Waiting(
                one.source,
                sum(len(paths) for paths in one.files.values()),
                {name: len(paths) for name, paths in one.files.items()},
            )
            for one in new
        ],
        stale=[stage.name for stage in staleness.stale(settings)],
        published_at=datetime.fromtimestamp(published, UTC).replace(tzinfo=None, microsecond=0) if published else None,
    )


def _arrived(entries: list[Entry]) -> list[Arrived]:
    groups: dict[tuple[str, str], list[Entry]] = {}
    for one in entries:
        groups.setdefault((one.source, one.format or "unrecognised"), []).append(one)
    return [
        Arrived(
            source,
            name,
            len(group),
            sum(one.status == "rejected" for one in group),
            sum(one.records_read for one in group),
            sum(one.records_accepted for one in group),
            sum(one.records_rejected for one in group),
            sum(sum(one.records_ignored.values()) for one in group),
        )
        for (source, name), group in sorted(groups.items())
    ]


def _rejected(settings: Settings, entries: list[Entry]) -> list[Rejected]:
    """Group quarantine by file and reason. The rejected text itself is not read."""
    from lake.warehouse import memory

    paths = {one.file_id: one.path for one in entries if one.records_rejected}
    found = []
    with memory(settings) as connection:
        for file_id, path in paths.items():
            rows = connection.execute(
                "select reason, count(*), list(position order by record_no, position)[1:?], any_value(detail)"
                " from read_parquet(?) group by reason order by count(*) desc, reason",
                [POSITIONS_SHOWN, str(settings.quarantine / f"{file_id}.parquet")],
            ).fetchall()
            found += [Rejected(path, reason, count, where, detail) for reason, count, where, detail in rows]
    return sorted(found, key=lambda one: (one.path, -one.records))


def _ignored(entries: list[Entry]) -> list[Ignored]:
    totals: Counter[tuple[str, str, str]] = Counter()
    for one in entries:
        for reason, records in one.records_ignored.items():
            totals[one.source, one.format or "", reason] += records
    return [Ignored(*key, records) for key, records in sorted(totals.items())]

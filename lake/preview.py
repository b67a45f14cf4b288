"""Read files without landing them: what would be staged, left out and rejected, and the rows themselves."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lake.ingest import ingest
from lake.manifest import Entry
from lake.quarantine import Rejected
from lake.reader import Landed, Reader
from lake.settings import Settings


@dataclass
class Preview:
    """What one file holds.

    Attributes:
        format: the reader that took it; empty if none did.
        refused: why the whole file cannot be used; empty if it can.
        tables: rows by raw table.
        records: records read, accepted, rejected and ignored by rule (``read`` = the sum of the others).
        ignored: ignored records by rule.
        rejected: the rejected records with position and reason.
        notes: what the reader noted of the file, by name.
    """

    path: Path
    format: str = ""
    refused: str = ""
    tables: dict[str, pa.Table] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)


def preview(paths: Sequence[Path], readers: Sequence[Reader], source: str = "preview") -> list[Preview]:
    """Read files into memory; nothing stays on disk.

    Contracts of raw tables are not applied: those are of the boundary that a landed file has to pass.

    Args:
        source: the name of the delivering source, which some formats are told by (``fitbit``, ``apple_health``).

    Raises:
        FileNotFoundError: a path does not exist.
    """
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(home=Path(scratch))
        landed = []
        for number, path in enumerate(paths):
            link = settings.landing / source / str(number) / path.name
            link.parent.mkdir(parents=True)
            link.symlink_to(path.resolve(strict=True))
            landed.append(Landed(link, source))
        entries = ingest(settings, readers, {}, landed)
        return [_preview(settings, path, entry) for path, entry in zip(paths, entries, strict=True)]


def _preview(settings: Settings, path: Path, entry: Entry) -> Preview:
    if entry.status != "ingested":
        return Preview(path, entry.format or "", refused=f"{entry.reason}: {entry.detail}")
    quarantine = settings.quarantine / f"{entry.file_id}.parquet"
    rejected = pq.read_table(quarantine).to_pylist() if quarantine.exists() else []
    return Preview(
        path,
        entry.format or "",
        tables={one: pq.read_table(settings.raw / one / f"{entry.file_id}.parquet") for one in sorted(entry.rows)},
        records={
            "read": entry.records_read,
            "accepted": entry.records_accepted,
            "rejected": entry.records_rejected,
            "ignored": sum(entry.records_ignored.values()),
        },
        ignored=entry.records_ignored,
        rejected=[Rejected(**row) for row in rejected],
        notes=entry.notes,
    )

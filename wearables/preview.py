"""Read files without landing them: what they hold, by raw table and metric, and what was rejected."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lake.ingest import ingest
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
        records: records read, accepted, rejected and ignored (``read`` = the sum of the others).
        ignored: records without a metric of ours, by type.
        rejected: the rejected records with position and reason.
    """

    path: Path
    format: str
    refused: str = ""
    tables: dict[str, pa.Table] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)


def preview(paths: Sequence[Path], readers: Sequence[Reader], source: str = "preview") -> list[Preview]:
    """Read files into memory; nothing is written outside a scratch folder.

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
        found = []
        for path, entry in zip(paths, ingest(settings, readers, {}, landed), strict=True):
            if entry.status != "ingested":
                found.append(Preview(path, entry.format or "", refused=f"{entry.reason}: {entry.detail}"))
                continue
            quarantine = settings.quarantine / f"{entry.file_id}.parquet"
            found.append(
                Preview(
                    path,
                    entry.format or "",
                    tables={
                        one: pq.read_table(settings.raw / one / f"{entry.file_id}.parquet")
                        for one in sorted(entry.rows)
                    },
                    records={
                        "read": entry.records_read,
                        "accepted": entry.records_accepted,
                        "rejected": entry.records_rejected,
                        "ignored": sum(entry.records_ignored.values()),
                    },
                    ignored=entry.records_ignored,
                    rejected=[Rejected(**row) for row in pq.read_table(quarantine).to_pylist()]
                    if quarantine.exists()
                    else [],
                )
            )
        return found


def by_metric(found: Preview) -> list[dict[str, object]]:
    """Samples of a file by metric: how many, from when to when (UTC), in which unit."""
    samples = found.tables.get("wearable_sample")
    if samples is None:
        return []
    grouped = samples.group_by(["metric", "unit"]).aggregate(
        [("start_at", "count"), ("start_at", "min"), ("end_at", "max")]
    )
    rows = [
        {
            "metric": row["metric"],
            "unit": row["unit"],
            "samples": row["start_at_count"],
            "first_at": row["start_at_min"],
            "last_at": row["end_at_max"],
        }
        for row in grouped.to_pylist()
    ]
    return sorted(rows, key=lambda row: str(row["metric"]))

"""The landing manifest: one JSON entry per landed file. The entry is written last, so its presence commits the file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lake import derived
from lake.files import draft_beside, move_into_place
from lake.settings import Settings
from lake.tables import UTC_TIME, table

Status = Literal["ingested", "rejected", "growing"]

LANDING_FILE = table(
    "landing_file",
    "One row per landed file.",
    file_id=pa.string(),
    source=pa.string(),
    account=pa.string(),
    path=pa.string(),
    format=pa.string(),
    bytes=pa.int64(),
    landed_at=UTC_TIME,
    ingested_at=UTC_TIME,
    status=pa.string(),
    records_read=pa.int64(),
    records_accepted=pa.int64(),
    records_rejected=pa.int64(),
    records_ignored=pa.int64(),
    reason=pa.string(),
    detail=pa.string(),
)

REJECTED_RECORD = table(
    "rejected_record",
    "One row per rejected record, without its text (that stays in quarantine).",
    file_id=pa.string(),
    source=pa.string(),
    path=pa.string(),
    format=pa.string(),
    position=pa.string(),
    record_no=pa.int64(),
    target_table=pa.string(),
    reason=pa.string(),
    detail=pa.string(),
)

TABLES = (LANDING_FILE, REJECTED_RECORD)
"""Derived tables that tell dbt what arrived and what was refused."""


@dataclass(frozen=True)
class Breach:
    """One expectation of a raw table's contract that a file did not meet."""

    table: str
    expectation: str
    column: str
    severity: str
    rows: int


@dataclass(frozen=True)
class Entry:
    """What became of one landed file.

    ``path`` is relative to landing. ``records_read`` = ``records_accepted`` + ``records_rejected`` + the sum of
    ``records_ignored`` (a count per reason). ``rows`` counts raw rows per table. ``reason`` and ``detail`` say why a
    whole file was rejected. Times are UTC.
    """

    file_id: str
    source: str
    account: str | None
    path: str
    bytes: int
    landed_at: datetime
    ingested_at: datetime
    status: Status
    format: str | None = None
    records_read: int = 0
    records_accepted: int = 0
    records_rejected: int = 0
    records_ignored: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    reason: str | None = None
    detail: str | None = None
    breaches: tuple[Breach, ...] = ()
    contract_rows: int = 0
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Every record of the file is accounted for."""
        return self.records_read == self.records_accepted + self.records_rejected + sum(self.records_ignored.values())


def path_of(settings: Settings, file_id: str) -> Path:
    """Where a file's entry lies."""
    return settings.manifest / f"{file_id}.json"


def write(settings: Settings, *entries: Entry) -> None:
    """Commit files: write their entries, each atomically."""
    moves = []
    settings.manifest.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        target = path_of(settings, entry.file_id)
        draft = draft_beside(target)
        draft.write_bytes(orjson.dumps(entry, option=orjson.OPT_INDENT_2 | orjson.OPT_NAIVE_UTC))
        moves.append((draft, target))
    move_into_place(*moves)


def read(settings: Settings, file_id: str) -> Entry | None:
    """Return the entry of a file, or None if it has not been ingested."""
    try:
        content = orjson.loads(path_of(settings, file_id).read_bytes())
    except FileNotFoundError:
        return None
    for clock in ("landed_at", "ingested_at"):
        content[clock] = datetime.fromisoformat(content[clock]).replace(tzinfo=None)
    content["breaches"] = tuple(Breach(**one) for one in content["breaches"])
    return Entry(**content)


def entries(settings: Settings) -> list[Entry]:
    """All entries, in the order of source, path and file id."""
    found = (read(settings, path.stem) for path in settings.manifest.glob("[!.]*.json"))
    return sorted((one for one in found if one), key=lambda one: (one.source, one.path, one.file_id))


def digest(found: Iterable[Entry]) -> str:
    """A fingerprint of what has been ingested: independent of the order and the time of arrival."""
    lines = sorted(f"{one.file_id} {one.source} {one.account} {one.status} {one.records_accepted}" for one in found)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write_tables(settings: Settings) -> Counter[str]:
    """Publish the manifest and the reasons of all rejections as derived tables; returns rows per table."""
    found = entries(settings)
    files = pa.Table.from_pylist(
        [{**asdict(one), "records_ignored": sum(one.records_ignored.values())} for one in found],
        schema=LANDING_FILE.schema,
    )
    derived.replace(settings, LANDING_FILE, "all", files)
    by_id = {one.file_id: one for one in found}
    parts = []
    for path in sorted(settings.quarantine.glob("[!.]*.parquet")):
        entry = by_id.get(path.stem)
        if entry is None:
            continue
        rows = pq.read_table(path, columns=["position", "record_no", "target_table", "reason", "detail"])
        for name in ("file_id", "source", "path", "format"):
            rows = rows.append_column(name, pa.repeat(pa.scalar(getattr(entry, name), pa.string()), rows.num_rows))
        parts.append(rows.select(REJECTED_RECORD.schema.names))
    rejected = pa.concat_tables(parts) if parts else REJECTED_RECORD.schema.empty_table()
    derived.replace(settings, REJECTED_RECORD, "all", rejected)
    return Counter({LANDING_FILE.name: files.num_rows, REJECTED_RECORD.name: rejected.num_rows})

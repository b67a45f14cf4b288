"""Reading one file with one call, as ingest does it, without the manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lake.quarantine import Rejected
from lake.reader import Landed, choose
from lake.settings import Settings
from lake.sink import Sink
from wearables.readers import READERS


@dataclass
class Outcome:
    """What a file became."""

    format: str
    read: int
    accepted: int
    ignored: dict[str, int]
    rejected: list[Rejected]
    notes: dict[str, str]
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def samples(self) -> list[dict[str, Any]]:
        """Samples in the order of the file."""
        return sorted(
            self.tables.get("wearable_sample", []), key=lambda row: (row["record_no"], row["metric"], row["start_at"])
        )

    def metric(self, name: str) -> list[dict[str, Any]]:
        """Samples of one metric."""
        return [row for row in self.samples if row["metric"] == name]

    @property
    def reasons(self) -> list[str]:
        """Why records were rejected, in the order of the file."""
        return [one.reason for one in sorted(self.rejected, key=lambda one: one.record_no or 0)]


ReadFile = Callable[..., Outcome]


@pytest.fixture
def read_file(tmp_path: Path) -> ReadFile:
    """Read a path, or bytes under a name; the balance of the records is checked every time."""
    numbers = iter(range(1_000_000))

    def read(source: Path | bytes, name: str = "file", *, folder: str = "any", account: str | None = "a1") -> Outcome:
        number = next(numbers)
        if isinstance(source, bytes):
            path = tmp_path / f"landing{number}" / name
            path.parent.mkdir()
            path.write_bytes(source)
        else:
            path = source
        settings = Settings(home=tmp_path / "home", threads=2)
        work = tmp_path / f"work{number}"
        work.mkdir()
        landed = Landed(path, folder, account)
        reader = choose(landed, READERS)
        sink = Sink(settings, file_id=f"file{number}", source=folder, account=account, work=work)
        sink.declare(reader.tables)
        reader.read(landed, sink)
        drafts = sink.close()
        outcome = Outcome(
            format=reader.name,
            read=sink.records_read,
            accepted=sink.records_accepted,
            ignored=dict(sink.records_ignored),
            rejected=sink.rejected,
            notes=sink.notes,
            tables={table: pq.read_table(draft).to_pylist() for table, draft in drafts.items()},
        )
        assert outcome.read == outcome.accepted + len(outcome.rejected) + sum(outcome.ignored.values())
        return outcome

    return read

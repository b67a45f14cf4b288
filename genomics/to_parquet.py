"""One VCF as Parquet tables in a folder of its own, without a platform around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa

from genomics.row_groups import RowGroups
from genomics.scan import scan
from lake.files import replacing
from lake.quarantine import QUARANTINE, BadFile, Rejected, as_arrow
from lake.settings import Settings
from lake.sink import parquet_writer

if TYPE_CHECKING:
    import pyarrow.parquet as pq


@dataclass
class Ingested:
    """What became of a file: read = accepted + rejected + the sum of ignored."""

    path: str
    build: str
    build_evidence: str
    samples: list[str]
    read: int = 0
    accepted: int = 0
    rejected: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    is_sorted: bool = True


def ingest(
    path: Path, out: Path, settings: Settings | None = None, *, taken: Mapping[str, str] | None = None
) -> Ingested:
    """Write ``out/<table>/<file name>.parquet``; a file that fails leaves nothing behind.

    Args:
        path: VCF, VCF.gz, gVCF or BCF.
        out: the folder.
        settings: limits.
        taken: samples that were read before, with their file: one sample in two files is refused, not merged.

    Raises:
        BadFile: not usable as a whole.
    """
    with TemporaryDirectory() as scratch, ExitStack() as stack:
        opened = scan(path, settings, scratch=Path(scratch))
        twice = [name for name in opened.header.samples if name in (taken or {})]
        if twice:
            told = (taken or {})[twice[0]]
            raise BadFile(
                "sample_in_two_files", f"{len(twice)} of its samples stand in {told} too; merge the files first"
            )
        done = Ingested(str(path), opened.build, opened.build_evidence, list(opened.header.samples))
        writers = _Writers(out, path.name, stack)
        groups = RowGroups(writers.write)
        ignored: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for batch in opened.batches:
            for name, rows in batch.tables.items():
                groups.add(name, rows)
            if batch.problems:
                reasons.update(one.reason for one in batch.problems)
                told_rows = [
                    Rejected(f"line {p.line_no}", p.reason, p.detail, p.line_no, None, p.text) for p in batch.problems
                ]
                groups.add(QUARANTINE.name, as_arrow(told_rows))
            done.read += batch.read
            done.accepted += batch.accepted
            ignored.update(batch.ignored)
        groups.close()
        writers.close()
        done.rejected, done.ignored, done.reasons = reasons.total(), dict(+ignored), dict(reasons)
        done.rows, done.is_sorted = writers.rows, not opened.tally.unsorted
    return done


class _Writers:
    """One Parquet file per table, opened when its first rows come, put in place when all went well."""

    def __init__(self, out: Path, name: str, stack: ExitStack) -> None:
        self.out, self.name, self.stack = out, name, stack
        self.rows: dict[str, int] = {}
        self._open: dict[str, pq.ParquetWriter] = {}

    def write(self, table: str, rows: pa.Table) -> None:
        """Write rows as a row group."""
        if table not in self._open:
            draft = self.stack.enter_context(replacing(self.out / table / f"{self.name}.parquet"))
            self._open[table] = self.stack.enter_context(parquet_writer(draft, rows))
        self.rows[table] = self.rows.get(table, 0) + rows.num_rows
        self._open[table].write_table(rows)

    def close(self) -> None:
        """End the files."""
        for writer in self._open.values():
            writer.close()

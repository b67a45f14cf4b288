"""Ingest: landed file → reader → contract → raw Parquet and quarantine, committed by the manifest entry."""

from __future__ import annotations

import os
import shutil
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lake import contracts, files, manifest, warehouse
from lake.contracts import Contracts
from lake.manifest import Entry
from lake.quarantine import BadFile, Rejected, as_arrow
from lake.reader import Landed, Reader, choose
from lake.settings import Settings
from lake.sink import PARQUET, Sink

BATCH_FILES = 200
"""Contracts are checked for many files at once: a suite costs its start-up per call, not per row."""

Progress = Callable[[Entry], None]


@dataclass
class _Read:
    """One file between reading and commit."""

    landed: Landed
    sink: Sink
    entry: Entry
    drafts: dict[str, Path]
    stat: os.stat_result


def ingest(
    settings: Settings,
    readers: Sequence[Reader],
    contract: Contracts,
    landed: Iterable[Landed],
    progress: Progress | None = None,
) -> list[Entry]:
    """Ingest files; one bad record never loses a file, one bad file never stops the run.

    A file already in the manifest is returned as it stands. A file that changed while it was read comes back with
    status ``growing`` and leaves no trace; it is picked up again next time.

    Returns:
        One entry per file, in the order given.
    """
    result: list[Entry] = []
    work = settings.lake / "work" / str(os.getpid())
    _clear_abandoned(settings)
    (work / "spill").mkdir(parents=True, exist_ok=True)
    database = warehouse.memory(settings, work / "spill")

    def read(one: Landed) -> _Read | Entry:
        return _read(settings, readers, one, work, database)

    try:
        with ThreadPoolExecutor(settings.threads or os.cpu_count()) as pool:
            for some in _batches(landed):
                reads = list(pool.map(read, some))
                new = [one for one in reads if isinstance(one, _Read)]
                _apply_contracts(new, contract)
                committed = {one.entry.file_id: _commit(settings, one) for one in new}
                for entry in committed.values():
                    if progress:
                        progress(entry)
                result += [one if isinstance(one, Entry) else committed[one.entry.file_id] for one in reads]
    finally:
        database.close()
        shutil.rmtree(work, ignore_errors=True)
    return result


def _batches(landed: Iterable[Landed]) -> Iterator[list[Landed]]:
    rest = iter(landed)
    while some := list(islice(rest, BATCH_FILES)):
        yield some


def _read(
    settings: Settings,
    readers: Sequence[Reader],
    landed: Landed,
    work: Path,
    database: duckdb.DuckDBPyConnection,
) -> _Read | Entry:
    stat = landed.path.stat()
    file_id = files.sha256(landed.path)
    known = manifest.read(settings, file_id)
    if known is not None:
        return known
    now = datetime.now(UTC).replace(tzinfo=None)
    entry = Entry(
        file_id=file_id,
        source=landed.source,
        account=landed.account,
        path=str(landed.path.relative_to(settings.landing)),
        bytes=stat.st_size,
        landed_at=datetime.fromtimestamp(stat.st_mtime, UTC).replace(tzinfo=None),
        ingested_at=now,
        status="ingested",
    )
    scratch = work / file_id
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    sink = Sink(
        settings, file_id=file_id, source=landed.source, account=landed.account, work=scratch, database=database
    )
    try:
        reader = choose(landed, readers)
        entry = replace(entry, format=reader.name)
        sink.declare(reader.tables)
        reader.read(landed, sink)
        drafts = sink.close()
    except BadFile as bad:
        return _refused(landed, sink, entry, bad, stat)
    except Exception as error:  # a reader's defect must not stop the other files
        return _refused(landed, sink, entry, BadFile("reader_failed", _where(error)), stat)
    entry = replace(
        entry,
        records_read=sink.records_read,
        records_accepted=sink.records_accepted,
        records_rejected=len(sink.rejected),
        records_ignored=dict(sorted(sink.records_ignored.items())),
        notes=sink.notes,
    )
    if not entry.balanced:
        detail = (
            f"{entry.records_read} records read, {entry.records_accepted} accepted, {entry.records_rejected} rejected,"
            f" {sum(entry.records_ignored.values())} ignored do not add up: a defect of reader {reader.name!r}"
        )
        return _refused(landed, sink, entry, BadFile("unbalanced", detail), stat)
    return _Read(landed, sink, entry, drafts, stat)


def _refused(landed: Landed, sink: Sink, entry: Entry, bad: BadFile, stat: os.stat_result) -> _Read:
    """Refuse a whole file: no row of it is kept, and one quarantine row says why."""
    sink.discard()
    sink.rejected = [Rejected("file", bad.reason, bad.detail)]
    refused = replace(
        entry,
        status="rejected",
        reason=bad.reason,
        detail=bad.detail,
        records_read=0,
        records_accepted=0,
        records_rejected=0,
        records_ignored={},
    )
    return _Read(landed, sink, refused, {}, stat)


def _where(error: Exception) -> str:
    """Name a defect without its message: messages of parsers quote the data."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}; please report this file's format"


def _apply_contracts(batch: list[_Read], contract: Contracts) -> None:
    """Check every draft against its table's contract; failing records go to quarantine or refuse their file."""
    by_table: dict[str, list[tuple[int, Path]]] = {}
    for number, one in enumerate(batch):
        for table, draft in one.drafts.items():
            by_table.setdefault(table, []).append((number, draft))
    for table, drafts in by_table.items():
        if table not in contract:
            continue
        outcome = contracts.check(table, contract[table], drafts)
        for number, draft in drafts:
            one = batch[number]
            found = outcome.get(number)
            rows = pq.ParquetFile(draft).metadata.num_rows if one.entry.status == "ingested" else 0
            one.entry = replace(one.entry, contract_rows=one.entry.contract_rows + rows)
            if found is None or one.entry.status != "ingested":
                continue
            one.entry = replace(one.entry, breaches=(*one.entry.breaches, *found.breaches))
            if found.refuse:
                bad = BadFile("contract_breached", found.refuse)
                refused = _refused(one.landed, one.sink, one.entry, bad, one.stat)
                batch[number] = refused
            else:
                _quarantine_rows(one, table, draft, found)


def _quarantine_rows(one: _Read, table: str, draft: Path, found: contracts.FileOutcome) -> None:
    """Move the records that break the contract from the draft to quarantine."""
    rows = pq.read_table(draft)
    numbers = rows.column("record_no").to_pylist()
    reasons = {numbers[row]: why for row, why in sorted(found.rows.items())}
    keep = pa.array([number not in reasons for number in numbers])
    for number, (expectation, column) in sorted(reasons.items(), key=lambda item: item[0] or 0):
        first = rows.slice(numbers.index(number), 1).to_pylist()[0]
        one.sink.reject(
            f"record {number}",
            expectation,
            f"column {column!r} of {table} breaks the contract",
            record_no=number,
            table=table,
            text=str(first),
        )
    kept = rows.filter(keep)
    pq.write_table(kept, draft, **PARQUET)
    one.sink.rows[table] = kept.num_rows
    one.entry = replace(
        one.entry,
        records_accepted=one.entry.records_accepted - len(reasons),
        records_rejected=one.entry.records_rejected + len(reasons),
    )


def _commit(settings: Settings, one: _Read) -> Entry:
    """Make the file's rows visible and commit them with the manifest entry, in that order."""
    now = one.landed.path.stat() if one.landed.path.exists() else None
    if now is None or (now.st_size, now.st_mtime_ns) != (one.stat.st_size, one.stat.st_mtime_ns):
        shutil.rmtree(one.sink.work, ignore_errors=True)
        detail = "the file changed while it was read; it is read again when it has settled"
        return replace(one.entry, status="growing", reason="growing", detail=detail, rows={})
    if one.sink.rejected:
        with files.replacing(settings.quarantine / f"{one.entry.file_id}.parquet") as draft:
            pq.write_table(as_arrow(one.sink.rejected), draft, **PARQUET)
    for table, part in one.drafts.items():
        target = settings.raw / table / f"{one.entry.file_id}.parquet"
        with files.replacing(target) as draft:
            part.rename(draft)
    entry = replace(one.entry, rows={table: one.sink.rows[table] for table in sorted(one.drafts)})
    manifest.write(settings, entry)
    shutil.rmtree(one.sink.work, ignore_errors=True)
    return entry


def _clear_abandoned(settings: Settings) -> None:
    """Remove scratch folders of processes that no longer run."""
    for folder in (settings.lake / "work").glob("*"):
        if not Path(f"/proc/{folder.name}").exists() and Path("/proc/self").exists():
            shutil.rmtree(folder, ignore_errors=True)

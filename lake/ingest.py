"""Ingest: landed file → reader → contract → raw Parquet and quarantine, committed by the manifest entry."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lake import contracts, files, manifest
from lake.contracts import Contracts
from lake.manifest import Entry
from lake.quarantine import BadFile, as_arrow
from lake.reader import Landed, Reader
from lake.reading import Desk, Opened, Read, groups, refused
from lake.settings import Settings
from lake.sink import PARQUET

BATCH_FILES = 500
"""Contracts are checked for many files at once: a suite costs its start-up per call, not per row."""

Progress = Callable[[Entry], None]


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
    desk = Desk(settings, readers, work)
    hands = settings.threads or os.cpu_count() or 1
    try:
        with ThreadPoolExecutor(hands) as pool:
            for some in _batches(landed):
                opened = list(pool.map(desk.open, some))
                found = {one.path: it for one, it in zip(some, opened, strict=True) if isinstance(it, Entry)}
                reads = [one for one in opened if isinstance(one, Read)]
                for group in pool.map(desk.read, groups((one for one in opened if isinstance(one, Opened)), hands)):
                    reads += group
                _apply_contracts(reads, contract)
                for read, entry in zip(reads, _commit(settings, reads), strict=True):
                    found[read.landed.path] = entry
                    if progress:
                        progress(entry)
                result += [found[one.path] for one in some]
    finally:
        desk.close()
    return result


def _batches(landed: Iterable[Landed]) -> Iterator[list[Landed]]:
    rest = iter(landed)
    while some := list(islice(rest, BATCH_FILES)):
        yield some


def _apply_contracts(batch: list[Read], contract: Contracts) -> None:
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
                batch[number] = refused(one.landed, one.sink, one.entry, bad, one.stat)
            else:
                _quarantine_rows(one, table, draft, found)


def _quarantine_rows(one: Read, table: str, draft: Path, found: contracts.FileOutcome) -> None:
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


def _commit(settings: Settings, reads: Sequence[Read]) -> list[Entry]:
    """Make the files' rows visible and commit them with their manifest entries, in that order."""
    moves: list[tuple[Path, Path]] = []
    result = []
    for one in reads:
        if _has_changed(one):
            one.sink.discard()
            detail = "the file changed while it was read; it is read again when it has settled"
            result.append(replace(one.entry, status="growing", reason="growing", detail=detail, rows={}))
            continue
        name = f"{one.entry.file_id}.parquet"
        if one.sink.rejected:
            with files.replacing(settings.quarantine / name) as draft:
                pq.write_table(as_arrow(one.sink.rejected), draft, **PARQUET)
        moves += [(part, settings.raw / table / name) for table, part in one.drafts.items()]
        result.append(replace(one.entry, rows={table: one.sink.rows[table] for table in sorted(one.drafts)}))
    files.move_into_place(*moves)
    manifest.write(settings, *(entry for entry in result if entry.status != "growing"))
    for one in reads:
        one.sink.clear()
    return result


def _has_changed(one: Read) -> bool:
    """Whether the file is no longer what it was when it was opened."""
    try:
        now = one.landed.path.stat()
    except FileNotFoundError:
        return True
    return (now.st_size, now.st_mtime_ns) != (one.stat.st_size, one.stat.st_mtime_ns)


def _clear_abandoned(settings: Settings) -> None:
    """Remove scratch folders of processes that no longer run."""
    for folder in (settings.lake / "work").glob("*"):
        if not Path(f"/proc/{folder.name}").exists() and Path("/proc/self").exists():
            shutil.rmtree(folder, ignore_errors=True)

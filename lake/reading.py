"""Reading: a landed file's reader is chosen, and turns it into drafts; small files of one kind in one go."""

from __future__ import annotations

import os
import shutil
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from lake import files, landing, manifest, warehouse
from lake.manifest import Entry
from lake.quarantine import BadFile, Rejected
from lake.reader import Landed, Reader, choose
from lake.settings import Settings
from lake.sink import Sink
from lake.together import SMALL_FILE_BYTES, TOGETHER_BYTES, Together


@dataclass
class Read:
    """One file between reading and commit."""

    landed: Landed
    sink: Sink
    entry: Entry
    drafts: dict[str, Path]
    stat: os.stat_result


@dataclass
class Opened:
    """A file that is to be read: its reader is chosen, its sink is open."""

    landed: Landed
    sink: Sink
    entry: Entry
    stat: os.stat_result
    reader: Reader


class Desk:
    """Reads files, alone or together, in one scratch folder and on one database."""

    def __init__(self, settings: Settings, readers: Sequence[Reader], work: Path) -> None:
        self.settings = settings
        self.readers = readers
        self.work = work
        self.drafts = work / "drafts"
        for folder in (self.drafts, work / "spill"):
            folder.mkdir(parents=True, exist_ok=True)
        self.database = warehouse.memory(settings, work / "spill")
        self.hashes = landing.remembered(settings)
        self._numbers = count()

    def open(self, landed: Landed) -> Opened | Read | Entry:
        """Hash the file (unless the look into landing just did) and choose its reader.

        Returns the entry if the file is known, a refusal if no reader knows it.
        """
        stat = landed.path.stat()
        path = str(landed.path.relative_to(self.settings.landing))
        file_id = landing.recall(self.hashes, path, stat) or files.sha256(landed.path)
        known = manifest.read(self.settings, file_id)
        if known is not None:
            return known
        entry = Entry(
            file_id=file_id,
            source=landed.source,
            account=landed.account,
            path=path,
            bytes=stat.st_size,
            landed_at=datetime.fromtimestamp(stat.st_mtime, UTC).replace(tzinfo=None),
            ingested_at=datetime.now(UTC).replace(tzinfo=None),
            status="ingested",
        )
        sink = self._sink(entry)
        try:
            reader = choose(landed, self.readers)
        except BadFile as bad:
            return refused(landed, sink, entry, bad, stat)
        sink.declare(reader.tables)
        return Opened(landed, sink, replace(entry, format=reader.name), stat, reader)

    def read(self, some: Sequence[Opened]) -> list[Read]:
        """Read files of one kinship in one go; where that fails, by halves, until who is to blame is read alone."""
        if len(some) == 1:
            return [self._alone(some[0])]
        try:
            return self._together(some)
        except Exception:  # the lone reading says what is wrong with which file
            anew = [replace(one, sink=self._sink(one.entry, one.reader)) for one in some]
            half = len(anew) // 2
            return self.read(anew[:half]) + self.read(anew[half:])

    def close(self) -> None:
        """Let go of the database and the scratch folder."""
        self.database.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def _alone(self, one: Opened) -> Read:
        try:
            one.reader.read(one.landed, one.sink)
            drafts = one.sink.close()
        except BadFile as bad:
            return refused(one.landed, one.sink, one.entry, bad, one.stat)
        except Exception as error:  # a reader's defect must not stop the other files
            return refused(one.landed, one.sink, one.entry, BadFile("reader_failed", _where(error)), one.stat)
        return _accounted(one, drafts)

    def _together(self, some: Sequence[Opened]) -> list[Read]:
        reader = some[0].reader
        assert reader.read_together is not None
        group = Together(self.settings, [one.sink for one in some], self._scratch(), self.database, self.drafts)
        try:
            reader.read_together([one.landed for one in some], group)
            group.close()
            return [
                refused(one.landed, one.sink, one.entry, group.refused[number], one.stat)
                if number in group.refused
                else _accounted(one, one.sink.close())
                for number, one in enumerate(some)
            ]
        finally:
            group.abandon()
            group.clear()

    def _scratch(self) -> Path:
        """A folder of its own, not made yet: two copies of a file may be read at the same time."""
        return self.work / str(next(self._numbers))

    def _sink(self, entry: Entry, reader: Reader | None = None) -> Sink:
        sink = Sink(
            self.settings,
            file_id=entry.file_id,
            source=entry.source,
            account=entry.account,
            work=self._scratch(),
            database=self.database,
        )
        if reader is not None:
            sink.declare(reader.tables)
        return sink


def groups(opened: Iterable[Opened], hands: int) -> list[list[Opened]]:
    """Small files that may be read together, in as many portions as there are hands; every other file alone."""
    alone: list[list[Opened]] = []
    kin: dict[tuple[str, str], list[Opened]] = {}
    for one in opened:
        kinship = one.reader.kinship(one.landed) if one.reader.kinship and one.reader.read_together else None
        if kinship is None or one.entry.bytes > SMALL_FILE_BYTES:
            alone.append([one])
        else:
            kin.setdefault((one.reader.name, kinship), []).append(one)
    portions: list[list[Opened]] = []
    for family in kin.values():
        most = max(1, -(-len(family) // hands))
        size = 0
        portion: list[Opened] = []
        for one in family:
            if portion and (len(portion) >= most or size + one.entry.bytes > TOGETHER_BYTES):
                portions.append(portion)
                portion, size = [], 0
            portion.append(one)
            size += one.entry.bytes
        portions.append(portion)
    return portions + alone


def _accounted(one: Opened, drafts: dict[str, Path]) -> Read:
    """The outcome of a file whose records add up; else its refusal."""
    sink = one.sink
    entry = replace(
        one.entry,
        records_read=sink.records_read,
        records_accepted=sink.records_accepted,
        records_rejected=len(sink.rejected),
        records_ignored=dict(sorted(sink.records_ignored.items())),
        notes=sink.notes,
    )
    if not entry.balanced:
        detail = (
            f"{entry.records_read} records read, {entry.records_accepted} accepted, {entry.records_rejected} rejected,"
            f" {sum(entry.records_ignored.values())} ignored do not add up: a defect of reader {one.reader.name!r}"
        )
        return refused(one.landed, sink, entry, BadFile("unbalanced", detail), one.stat)
    return Read(one.landed, sink, entry, drafts, one.stat)


def refused(landed: Landed, sink: Sink, entry: Entry, bad: BadFile, stat: os.stat_result) -> Read:
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
    return Read(landed, sink, refused, {}, stat)


def _where(error: Exception) -> str:
    """Name a defect without its message: messages of parsers quote the data."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}; please report this file's format"

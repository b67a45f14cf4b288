"""A vendor's account export as it is downloaded: a zip of many files, each read as if it had been landed by itself.

Garmin, Oura, Whoop, Withings, Google Takeout and the like. Zips within it (Garmin's uploaded files) are opened once
more, not deeper. What no format knows is counted as ignored; a member that cannot be read is rejected by its name.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from lake.files import ZIP, unpack_member, zip_members
from lake.ingest import ingest
from lake.manifest import Entry
from lake.quarantine import BadFile
from lake.reader import HEAD_BYTES, Landed, Reader
from lake.settings import Settings
from lake.sink import Sink
from lake.tables import DELIVERY_COLUMNS
from wearables.tables import TABLES

_KINDS = (".fit", ".json", ".csv", ".xlsx", ".gpx", ".edf", ".db")
_MOST_LOOKED_AT = 200
_DELIVERY = [one.name for one in DELIVERY_COLUMNS]


def reader(formats: Sequence[Reader]) -> Reader:
    """The reader of zips whose members are of these formats."""

    def matches(landed: Landed) -> bool:
        if not landed.head.startswith(ZIP):
            return False
        try:
            with zipfile.ZipFile(landed.path) as archive:
                names = [one.filename for one in archive.infolist() if not one.is_dir()]
                looked_at = [name for name in names if name.lower().endswith(_KINDS)][:_MOST_LOOKED_AT]
                return any(_is_known(archive, name, landed, formats) for name in looked_at) or any(
                    _holds_fit(archive, name) for name in names if name.lower().endswith(".zip")
                )
        except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile):
            return False

    def read(landed: Landed, sink: Sink) -> None:
        _read(landed, sink, (*formats, _inner(formats)))

    return Reader(
        name="account_export",
        description="A vendor's account export as downloaded (zip): every member whose format is known, as if alone.",
        tables=TABLES,
        matches=matches,
        read=read,
    )


def _inner(formats: Sequence[Reader]) -> Reader:
    """Zips within the export, which hold no further ones."""
    return Reader(
        name="zip_in_export",
        description="A zip within an account export.",
        tables=TABLES,
        matches=lambda landed: landed.head.startswith(ZIP),
        read=lambda landed, sink: _read(landed, sink, formats),
    )


def _is_known(archive: zipfile.ZipFile, name: str, landed: Landed, formats: Sequence[Reader]) -> bool:
    with archive.open(name) as stream:
        member = Landed(Path(name), landed.source, landed.account, stream.read(HEAD_BYTES))
    return any(one.matches(member) for one in formats)


def _holds_fit(archive: zipfile.ZipFile, name: str) -> bool:
    with archive.open(name) as stream, zipfile.ZipFile(stream) as inner:
        return any(one.lower().endswith(".fit") for one in inner.namelist())


def _read(landed: Landed, sink: Sink, formats: Sequence[Reader]) -> None:
    """Read the members in a scratch home, and take over what became of them.

    Raises:
        BadFile: not a zip, a member's name that leads outside, sizes past the limits.
    """
    home = sink.work / "members"
    scratch = Settings.model_validate({**sink.settings.model_dump(), "home": home})
    own = sink.settings.home / "mappings"
    home.mkdir()
    if own.is_dir():
        (home / "mappings").symlink_to(own)
    members = list(_unpacked(landed, sink, scratch))
    entries = ingest(scratch, formats, {}, [one for _, one in members])
    seen: set[str] = set()
    number = 0
    for (name, _), entry in zip(members, entries, strict=True):
        if entry.reason == "unknown_format":
            sink.count(1, 0, {"member of a format that is not known": 1})
        elif entry.file_id in seen:
            sink.count(1, 0, {"the same member again": 1})
        elif entry.status != "ingested":
            sink.reject(name, entry.reason or "unreadable", entry.detail or "", table="wearable_sample")
            sink.count(1, 0)
        else:
            seen.add(entry.file_id)
            number = _taken_over(sink, scratch, name, entry, number)
    sink.note("formats", ", ".join(sorted({one.format for one in entries if one.status == "ingested" and one.format})))
    shutil.rmtree(home, ignore_errors=True)


def _unpacked(landed: Landed, sink: Sink, settings: Settings) -> Iterator[tuple[str, Landed]]:
    limits = sink.settings.max_file_bytes, sink.settings.max_ratio
    stamp = landed.path.stat().st_mtime
    members = zip_members(landed.path, *limits)
    for number, member in enumerate(sorted(members, key=lambda one: one.filename)):
        base = member.filename.replace("\\", "/").rpartition("/")[2]
        if base.startswith("."):
            sink.count(1, 0, {"hidden file": 1})
            continue
        # the folder says whose export it is, for formats that are told by it
        source = "fitbit" if "fitbit" in member.filename.lower() else landed.source
        path = settings.landing / source / str(number) / base
        path.parent.mkdir(parents=True)
        try:
            unpack_member(landed.path, member, path)
        except BadFile as bad:
            sink.reject(member.filename, bad.reason, bad.detail, table="wearable_sample")
            sink.count(1, 0)
            continue
        os.utime(path, (stamp, stamp))
        yield member.filename, Landed(path, source, landed.account)


def _taken_over(sink: Sink, settings: Settings, name: str, entry: Entry, number: int) -> int:
    """Rows with record numbers that go on through the export, rejected records by member, and counts."""
    for table in sorted(entry.rows):
        for batch in pq.ParquetFile(settings.raw / table / f"{entry.file_id}.parquet").iter_batches():
            kept = batch.drop_columns(_DELIVERY)
            place = kept.schema.get_field_index("record_no")
            sink.write(table, kept.set_column(place, "record_no", pc.add(kept.column(place), number)))
    quarantine = settings.quarantine / f"{entry.file_id}.parquet"
    for row in pq.read_table(quarantine).to_pylist() if quarantine.exists() else ():
        record_no = row["record_no"] + number if row["record_no"] is not None else None
        sink.reject(
            f"{name}: {row['position']}",
            row["reason"],
            row["detail"],
            record_no=record_no,
            table=row["target_table"],
            text=row["text"],
        )
    sink.count(entry.records_read, entry.records_accepted, entry.records_ignored)
    return number + entry.records_read

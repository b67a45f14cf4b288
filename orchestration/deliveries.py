"""Deliveries: the new files of one source, taken together. A delivery is the partition key of the raw assets."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from lake.files import replacing
from lake.landing import Seen, seen
from lake.manifest import path_of
from lake.quarantine import BadFile
from lake.reader import Landed, Reader, choose
from lake.settings import Settings

UNRECOGNISED = "unrecognised"
"""The format of files that no reader knows."""


@dataclass(frozen=True)
class Delivery:
    """New files of one source. ``files`` maps a format to paths relative to landing."""

    key: str
    source: str
    files: dict[str, tuple[str, ...]]

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats that it holds, sorted."""
        return tuple(sorted(self.files))

    def landed(self, settings: Settings, format_name: str) -> list[Landed]:
        """Its files of one format, as readers take them; files that were since removed from landing are left out."""
        from lake.landing import describe

        paths = [settings.landing / path for path in self.files.get(format_name, ())]
        return [describe(settings, path) for path in paths if path.exists()]


def format_of(landed: Landed, readers: Iterable[Reader]) -> str:
    """Name the format of a file, ``unrecognised`` if no reader takes it."""
    try:
        return choose(landed, readers).name
    except (BadFile, OSError):
        return UNRECOGNISED


def waiting(settings: Settings, readers: Sequence[Reader], settle_seconds: float = 0) -> list[Delivery]:
    """One delivery for each source that has new files, whatever their number.

    The key is ``<source>~<digest of the files' contents>``: the same files give the same key, so a sensor that looks
    twice asks for one run.
    """
    by_source: dict[str, dict[str, Seen]] = defaultdict(dict)
    for one in seen(settings, settle_seconds):
        if not path_of(settings, one.file_id).exists():
            by_source[one.landed.source].setdefault(one.file_id, one)
    return [_delivery(settings, source, list(new.values()), readers) for source, new in sorted(by_source.items())]


def _delivery(settings: Settings, source: str, new: list[Seen], readers: Sequence[Reader]) -> Delivery:
    digest = hashlib.sha256("\n".join(sorted(one.file_id for one in new)).encode()).hexdigest()[:10]
    files: dict[str, list[str]] = defaultdict(list)
    for one in new:
        files[format_of(one.landed, readers)].append(str(one.landed.path.relative_to(settings.landing)))
    return Delivery(f"{source}~{digest}", source, {name: tuple(sorted(paths)) for name, paths in sorted(files.items())})


def remember(settings: Settings, delivery: Delivery) -> None:
    """Keep the delivery's list of files, so that its partition can be run now or again later."""
    with replacing(_path(settings, delivery.key)) as draft:
        draft.write_bytes(orjson.dumps({"source": delivery.source, "files": delivery.files}))


def recall(settings: Settings, key: str) -> Delivery:
    """Return the delivery of a partition key.

    Raises:
        FileNotFoundError: no such delivery was ever announced in this home.
    """
    path = _path(settings, key)
    if not path.exists():
        raise FileNotFoundError(f"delivery {key!r} is not known in this home; the landing sensor announces deliveries")
    content = orjson.loads(path.read_bytes())
    return Delivery(key, content["source"], {name: tuple(paths) for name, paths in content["files"].items()})


def _path(settings: Settings, key: str) -> Path:
    return settings.lake / "deliveries" / f"{key}.json"

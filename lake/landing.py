"""The drop zone: what lies in landing, what is new in it, and how a file is put there."""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from lake import files, manifest
from lake.reader import Landed
from lake.settings import Settings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}")
"""What a source or an account may be called: it becomes a folder."""

_INDEX = "landing_index.json"
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload")


class BadName(ValueError):
    """A source or account name that cannot be a folder."""


@dataclass(frozen=True)
class Copied:
    """What `land` did with one file: ``status`` is ``landed`` or ``known`` (the same bytes landed before)."""

    path: Path
    status: str
    bytes: int


def describe(settings: Settings, path: Path) -> Landed:
    """Read source and account from where a file lies: ``landing/<source>/[…/account=<id>/…]/name``."""
    folders = path.relative_to(settings.landing).parts[:-1]
    accounts = [folder.removeprefix("account=") for folder in folders if folder.startswith("account=")]
    return Landed(path, source=folders[0] if folders else "unsorted", account=accounts[-1] if accounts else None)


def walk(settings: Settings) -> Iterator[Path]:
    """Every finished regular file in landing, sorted; hidden and unfinished (``.part``) files and links are left."""
    for folder, folders, names in os.walk(settings.landing, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if not name.startswith(".") and not name.endswith(_UNFINISHED) and path.is_file() and not path.is_symlink():
                yield path


@dataclass(frozen=True)
class Seen:
    """A file in landing with its content's sha256."""

    landed: Landed
    file_id: str
    bytes: int


def seen(settings: Settings, settle_seconds: float = 0) -> list[Seen]:
    """All files in landing with their sha256; those touched within ``settle_seconds`` are left for the next look.

    Hashes are remembered by path, size and times of change, so that looking again costs no reading.
    """
    known = remembered(settings)
    fresh: dict[str, list[object]] = {}
    found = []
    now = time.time()
    for path in walk(settings):
        try:
            stat = path.stat()
            if now - stat.st_mtime < settle_seconds:
                continue
            key = str(path.relative_to(settings.landing))
            file_id = recall(known, key, stat) or files.sha256(path)
        except FileNotFoundError:
            continue
        fresh[key] = [*_stamp(stat), file_id]
        found.append(Seen(describe(settings, path), file_id, stat.st_size))
    if fresh != known:
        with files.replacing(settings.lake / _INDEX) as draft:
            draft.write_bytes(orjson.dumps(fresh))
    return found


Hashes = dict[str, list[Any]]
"""Path within landing → what told the file apart when it was hashed (``_stamp``), and its sha256."""


def remembered(settings: Settings) -> Hashes:
    """The hashes that the last look into landing left."""
    try:
        found: Hashes = orjson.loads((settings.lake / _INDEX).read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        found = {}
    return found


def recall(known: Hashes, key: str, stat: os.stat_result) -> str | None:
    """The sha256 of a file that has not been written since it was hashed; None if it must be hashed."""
    *stamp, file_id = known.get(key, [None])
    return file_id if stamp == _stamp(stat) else None


def _stamp(stat: os.stat_result) -> list[int]:
    """Changes with every write. The time of the last change (ctime) cannot be set back, unlike that of the content."""
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def pending(settings: Settings, settle_seconds: float = 0) -> list[Landed]:
    """Files in landing whose bytes have not been ingested yet; each content once, whatever its copies are called."""
    new: dict[str, Landed] = {}
    for one in seen(settings, settle_seconds):
        if one.file_id not in new and not manifest.path_of(settings, one.file_id).exists():
            new[one.file_id] = one.landed
    return list(new.values())


def land(settings: Settings, path: Path, source: str, account: str | None = None) -> list[Copied]:
    """Copy a file, or every file below a folder, into landing. Bytes that have landed before are not copied again.

    Raises:
        BadName: the source or account cannot be a folder name.
        FileNotFoundError: there is nothing at ``path``.
    """
    for what, name in (("source", source), ("account", account)):
        if name is not None and not NAME.fullmatch(name):
            raise BadName(f"a {what} is 1–128 letters, digits, '_', '.', '@' or '-', starting with a letter or digit")
    if not path.exists():
        raise FileNotFoundError(f"nothing at {path}")
    known = {one.file_id for one in seen(settings)} | {entry.stem for entry in settings.manifest.glob("[!.]*.json")}
    root = path if path.is_dir() else path.parent
    origins = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
    folder = settings.landing / source
    result = []
    for origin in origins:
        file_id = files.sha256(origin)
        size = origin.stat().st_size
        if file_id in known:
            result.append(Copied(origin, "known", size))
            continue
        known.add(file_id)
        inner = origin.relative_to(root).parent
        target = folder / inner / (f"account={account}" if account else "") / origin.name
        if target.exists():
            target = target.with_name(f"{file_id[:8]}-{target.name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
        shutil.copyfile(origin, draft)
        draft.rename(target)
        result.append(Copied(origin, "landed", size))
    return result

"""A folder that an export fills: it appears whole or not at all, and only an earlier export is ever replaced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

MARK = ".twin_export.json"
"""Says that a folder is an export, and of what."""


class NotEmpty(ValueError):
    """The target has files that are no export of ours."""


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes:
        rows: records per file or table.
        left_out: reason → how many facts or people the format cannot take.
    """

    format: str
    path: Path
    known_at: datetime | None
    rows: dict[str, int]
    left_out: dict[str, int] = field(default_factory=dict)
    bytes: int = 0


@contextmanager
def filling(target: Path, about: dict[str, Any]) -> Iterator[Path]:
    """Yield a draft folder beside ``target``; on success it takes the target's place.

    Raises:
        NotEmpty: the target exists, has files, and is no earlier export.
    """
    target = target.absolute()
    if target.exists() and not target.is_dir():
        raise NotEmpty(f"{target} is a file; name a folder")
    if target.exists() and any(target.iterdir()) and not (target / MARK).exists():
        raise NotEmpty(f"{target} has files that are no earlier export; name an empty or a new folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.parent / f".{target.name}.{os.getpid()}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        yield draft
        (draft / MARK).write_bytes(orjson.dumps(about, default=str))
        if target.exists():
            old = target.parent / f".{target.name}.{os.getpid()}.old"
            target.rename(old)
            draft.rename(target)
            shutil.rmtree(old)
        else:
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

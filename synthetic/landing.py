"""Writing into landing: never over other data, and byte for byte the same for the same population."""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from lake.settings import Settings


class LandingInUse(Exception):
    """Landing holds data of something else; generating here would mix two populations."""


@dataclass
class Landing:
    """The landing folder of one generation, with a count of what it got."""

    settings: Settings
    sizes: dict[str, int] = field(default_factory=dict)
    records: int = 0

    def put(self, path: str, data: bytes, records: int = 0) -> None:
        """Write ``landing/<path>``. A file with the same bytes is left alone.

        Raises:
            LandingInUse: the file exists with other bytes.
        """
        target = self.settings.landing / path
        self.sizes[path] = len(data)
        self.records += records
        if target.exists():
            if target.stat().st_size == len(data) and target.read_bytes() == data:
                return
            raise LandingInUse(f"landing/{path} exists with other content; choose an empty TWIN_HOME")
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.parent / f".{target.name}.draft"
        draft.write_bytes(data)
        draft.replace(target)

    def adopt(self, path: str, draft: Path, records: int = 0) -> None:
        """Move a finished file (made by a library that only writes to disk) to ``landing/<path>``."""
        self.put(path, draft.read_bytes(), records)
        draft.unlink()


def gzipped(data: bytes, level: int = 6) -> bytes:
    """gzip without time or name in its header."""
    return gzip.compress(data, level, mtime=0)


def zipped(members: dict[str, bytes], level: int = 3) -> bytes:
    """A zip archive whose members carry a fixed time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (2026, 6, 30, 12, 0, 0))
            info.external_attr = 0o644 << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED, level)
    return buffer.getvalue()

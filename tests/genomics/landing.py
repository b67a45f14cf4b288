"""Files that arrive, for tests of genomics."""

from __future__ import annotations

from genomics.readers import READERS
from lake.ingest import ingest
from lake.reader import Landed
from lake.settings import Settings


def land(settings: Settings, files: dict[str, str]) -> None:
    """Ingest texts as files that arrived in ``landing/genome``; every one must be taken."""
    landed = []
    for name, text in files.items():
        path = settings.landing / "genome" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        landed.append(Landed(path, "genome"))
    for entry in ingest(settings, READERS, {}, landed):
        assert entry.status == "ingested", entry.detail

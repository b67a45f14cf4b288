"""Hospital A's bulk exports: a first one and a later delta, one NDJSON file per resource type and chunk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from synthetic.chunks import Chunk
from synthetic.clock import FIRST_EXPORT, Times, utc_offset_minutes
from synthetic.landing import gzipped

DELTA = "delta_2026-06"
COMPRESSED = ("DiagnosticReport", "Immunization", "ImagingStudy")


@dataclass
class Export:
    """Lines of both exports, by resource type."""

    first: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    delta: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, resource: str, lines: Sequence[str], recorded: Times) -> None:
        """Put each line into the export that was made after it was recorded."""
        early = (recorded.astype("datetime64[D]") < FIRST_EXPORT).tolist()
        self.first[resource].extend([line for line, old in zip(lines, early, strict=True) if old])
        self.delta[resource].extend([line for line, old in zip(lines, early, strict=True) if not old])

    def write(self, chunk: Chunk) -> None:
        """Write all files of the chunk."""
        for folder, lines_by_type in (("st_anne", self.first), (f"st_anne/{DELTA}", self.delta)):
            for resource, lines in lines_by_type.items():
                if lines:
                    data = ("\n".join(lines) + "\n").encode()
                    path = file_name(folder, resource, chunk.index)
                    chunk.landing.put(path, gzipped(data) if path.endswith(".gz") else data, len(lines))


def file_name(folder: str, resource: str, index: int) -> str:
    """Path within landing of one resource type's file."""
    return f"{folder}/{resource}.{index:03d}.ndjson" + (".gz" if resource in COMPRESSED else "")


def instant(local: Times) -> list[str]:
    """Local wall times as UTC instants with milliseconds, as servers write ``meta.lastUpdated``."""
    when = local.astype("datetime64[s]")
    utc = when - (utc_offset_minutes(when) * 60).astype("timedelta64[s]")
    return np.char.add(np.datetime_as_string(utc, unit="s"), ".000Z").tolist()

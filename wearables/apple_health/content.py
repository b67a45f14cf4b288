"""Which records of correlations stand at top level too: told by a hash of what they say.

Apple writes the records of a correlation (a blood pressure) at top level and again inside it, anywhere in the file. The
hashes of all records lie on disk until the correlations are known, so that memory does not grow with the file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wearables.apple_health.blocks import Block, Flags, Span, Words

_COMPARED = ("creationDate", "startDate", "endDate", "value")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_PORTION = 1 << 20
_FIRST_BYTES = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)


class Content:
    """Collects the hashes of a file's records; type, source and unit come as one number (``likeness``)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inside: list[tuple[NDArray[np.int64], Words]] = []
        path.write_bytes(b"")

    def add(self, block: Block, known: Flags, likeness: NDArray[np.int64]) -> None:
        """Take in the records of a block."""
        hashes = likeness.astype(np.uint64)
        for name in _COMPARED:
            for part in _parts(block, block.spans[name]):
                hashes = (hashes ^ part) * _MULTIPLIER
                hashes ^= hashes >> _SHIFT
        with self.path.open("ab") as file:
            hashes[known & ~block.is_inside].tofile(file)
        inside = known & block.is_inside
        if inside.any():
            self.inside.append((block.line_no[inside], hashes[inside]))

    def repeated(self) -> list[int]:
        """Numbers of the lines inside correlations whose record stands at top level too."""
        if not self.inside or not self.path.stat().st_size:
            return []
        lines, hashes = (np.concatenate(part) for part in zip(*self.inside, strict=True))
        everywhere = np.memmap(self.path, np.uint64, "r")
        found = np.zeros(len(hashes), np.bool_)
        for start in range(0, len(everywhere), _PORTION):
            found |= np.isin(hashes, everywhere[start : start + _PORTION])
        return [int(line) for line in lines[found]]


def _parts(block: Block, span: Span) -> list[Words]:
    """A text as numbers: its length, its first and last eight bytes, and eight in between."""
    last = len(block.words) - 1
    length = np.where(span.is_there, span.end - span.start, -1)
    first = block.words[span.start] & _FIRST_BYTES[np.clip(length, 0, 8)]
    middle = np.where(length >= 16, block.words[np.minimum(span.start + 8, last)], 0).astype(np.uint64)
    end = np.where(length >= 8, block.words[np.maximum(span.end - 8, 0)], 0).astype(np.uint64)
    return [length.astype(np.uint64), first, middle, end]

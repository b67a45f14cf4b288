"""Dosages of a cohort VCF as a matrix, variant by sample, without the way through sparse rows: for models, panels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genomics.decode import HAPLOID, OK, Lines, Quality, decode
from genomics.scan import body_of

MISSING = -1
_BAD = -2
_SHAPE = np.uint32(0xFFE0FFE0)
"""Keeps separators and the upper bits of both alleles: digits and the point share 001 there."""
_PHASED, _UNPHASED = (np.frombuffer(text, dtype="<u4")[0] & _SHAPE for text in (b"0|0\t", b"0/0\t"))


def _table() -> np.ndarray:
    table = np.full(256, _BAD, dtype=np.int8)
    for first in (*range(10), 14):
        for second in (*range(10), 14):
            missing = 14 in (first, second)
            # 14 is the lower half of a point; any allele but the reference counts
            table[first | second << 4] = MISSING if missing else (first > 0) + (second > 0)
    return table


_DOSAGE = _table()


@dataclass(frozen=True)
class Dosages:
    """Part of a file: line numbers and, per line and sample, the copies of non-reference alleles, -1 unknown."""

    line_no: np.ndarray
    matrix: np.ndarray


def dosage_batches(path: Path, *, quality: Quality | None = None) -> Iterator[Dosages]:
    """Yield the dosages of a VCF, batch by batch; the lines of a batch may come in two parts.

    Half-calls and calls of poor quality are unknown, a haploid carrier counts 1.

    Raises:
        BadFile: not usable as a whole.
    """
    header, body = body_of(path)
    n_samples = len(header.samples)
    for first, text in body:
        wide = _wide(text, first, n_samples) if n_samples else None
        if wide is not None:
            yield wide
            continue
        for lines in decode(text, first, n_samples, n_columns=header.n_columns, quality=quality):
            yield Dosages(lines.line_no, _matrix(lines, n_samples))


def _wide(text: bytes, first: int, n_samples: int) -> Dosages | None:
    """A batch in which every line is nothing but diploid GT; None when one is not."""
    buffer = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(buffer == 10)
    width = 4 * n_samples - 1
    starts = ends - width
    tagged = b"\tGT\t"
    if starts[0] < 4 or any((buffer[starts - 4 + at] != byte).any() for at, byte in enumerate(tagged)):
        return None
    pairs = zip(starts.tolist(), ends.tolist(), strict=True)
    words = np.frombuffer(b"\t".join([text[start:end] for start, end in pairs]) + b"\t", dtype="<u4")
    shape = words & _SHAPE
    if not ((shape == _PHASED) | (shape == _UNPHASED)).all():
        return None
    dosage = _DOSAGE[((words & 15) | ((words >> 12) & 240)).astype(np.uint8)]
    if dosage.min(initial=0) == _BAD:
        return None
    return Dosages(np.arange(first, first + len(ends)), dosage.reshape(len(ends), n_samples))


def _matrix(lines: Lines, n_samples: int) -> np.ndarray:
    calls = lines.calls
    matrix = np.zeros((len(lines.line_no), n_samples), dtype=np.int8)
    matrix[~lines.has_genotypes] = MISSING
    copies = (calls.a0 > 0).astype(np.int8) + ((calls.a1 > 0) & (calls.a1 != HAPLOID))
    matrix[calls.line, calls.sample] = np.where(calls.reason == OK, copies, MISSING)
    return matrix

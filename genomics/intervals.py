"""Stretches in which a sample is known to be homozygous reference, and the panel sites that lie in them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

_ABSENT = np.iinfo(np.int64).max


@dataclass
class Intervals:
    """Closed intervals, one per entry. ``dp`` and ``gq`` are the least of the stretch, -1 where no record had one."""

    sample: np.ndarray
    chrom: np.ndarray
    start: np.ndarray
    end: np.ndarray
    dp: np.ndarray
    gq: np.ndarray
    record_no: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: np.ndarray) -> Intervals:
        """Return the chosen entries."""
        return Intervals(*(getattr(self, field.name)[rows] for field in fields(self)))


def concatenate(parts: list[Intervals]) -> Intervals:
    """Put several sets of intervals behind one another."""
    if not parts:
        return Intervals(*(np.empty(0, dtype=np.int64) for _ in fields(Intervals)))
    return Intervals(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Intervals)))


def merge(intervals: Intervals) -> Intervals:
    """Merge overlapping and adjacent intervals of the same sample and chromosome."""
    if not len(intervals):
        return intervals
    one = intervals.take(np.lexsort((intervals.start, intervals.chrom, intervals.sample)))
    group = np.cumsum(
        np.concatenate(([False], (one.sample[1:] != one.sample[:-1]) | (one.chrom[1:] != one.chrom[:-1])))
    )
    # positions stay below 2^32, so shifting by the group keeps the running maximum inside it
    reach = np.maximum.accumulate(one.end + (group << 32)) - (group << 32)
    first = np.concatenate(([True], (group[1:] != group[:-1]) | (one.start[1:] > reach[:-1] + 1)))
    at = np.flatnonzero(first)
    dp, gq = (np.minimum.reduceat(np.where(values < 0, _ABSENT, values), at) for values in (one.dp, one.gq))
    return Intervals(
        sample=one.sample[at],
        chrom=one.chrom[at],
        start=one.start[at],
        end=np.maximum.reduceat(one.end, at),
        dp=np.where(dp == _ABSENT, -1, dp),
        gq=np.where(gq == _ABSENT, -1, gq),
        record_no=one.record_no[at],
    )


def covering(intervals: Intervals, chrom: int, start: int, end: int) -> np.ndarray:
    """Return the rows of merged intervals that span ``start`` to ``end`` as a whole, at most one per sample."""
    return np.flatnonzero((intervals.chrom == chrom) & (intervals.start <= start) & (intervals.end >= end))

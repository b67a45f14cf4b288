"""The loops over bytes of `fields` as machine code (numba, extra ``genome``).

Importing this module takes about a CPU second, so it is for large files (`fields.compile_for`). Once it is imported,
`fields` and `decode` use it in place of their array operations; the results are the same.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_EMPTY = -1
_ELEVENS, _HIGHS = np.uint64(0x0B0B0B0B0B0B0B0B), np.uint64(0x8080808080808080)
_ONE, _SEVEN, _TOP = np.uint64(1), np.uint64(7), np.uint64(56)
_PLACES = np.uint64(0x0001020304050607)
"""A word with one bit, the lowest of byte ``k``, times this has ``k`` in its highest byte."""
_PRIME, _OFFSET = np.uint64(1099511628211), np.uint64(14695981039346656037)
"""FNV-1a (Fowler, Noll and Vo), 64 bits."""


@njit(cache=True, nogil=True)
def split(buffer: np.ndarray, first: int, stop: int, starts: np.ndarray, ends: np.ndarray) -> int:
    """Find the fields of lines; -1 where a line has another number of columns or a control character.

    Args:
        buffer: bytes; the lines are ``buffer[first:stop]``, end with a newline and have eight bytes or more behind.
        starts, ends: columns x lines, filled; returns the number of lines.
    """
    columns, room = ends.shape
    line, column, start = 0, 0, np.int64(first)
    eights = buffer[: len(buffer) // 8 * 8].view(np.uint64)
    for eight in range(first // 8, len(eights)):
        word = eights[eight]
        # no byte below 11: nothing that separates (Anderson, Bit Twiddling Hacks, "hasless")
        hits = (word - _ELEVENS) & ~word & _HIGHS
        while hits:
            lowest = hits & (~hits + _ONE)
            hits ^= lowest
            at = 8 * eight + np.int64(((lowest >> _SEVEN) * _PLACES) >> _TOP)
            letter = buffer[at]
            # a byte above a hit may look like one
            if letter > 10 or at < first or at >= stop:
                continue
            if letter < 9 or line == room:
                return -1
            starts[column, line] = start
            ends[column, line] = at
            start = at + 1
            if letter == 9:
                column += 1
                if column == columns:
                    return -1
            else:
                if column != columns - 1:
                    return -1
                column = 0
                line += 1
    return line


@njit(cache=True, nogil=True)
def coded(buffer: np.ndarray, start: np.ndarray, end: np.ndarray, codes: np.ndarray, firsts: np.ndarray) -> int:
    """Number the distinct stretches in the order in which they come.

    Args:
        codes: filled, one per stretch.
        firsts: filled, the first stretch of every code; returns the number of codes.
    """
    table = np.full(64, _EMPTY, dtype=np.int32)
    known, code = 0, _EMPTY
    for row in range(len(start)):
        low, high = start[row], end[row]
        # most columns say the same as the line before
        if code == _EMPTY or not _same(buffer, low, high, start[firsts[code]], end[firsts[code]]):
            slot = _slot(buffer, low, high, len(table))
            code = table[slot]
            while code != _EMPTY and not _same(buffer, low, high, start[firsts[code]], end[firsts[code]]):
                slot = (slot + 1) & (len(table) - 1)
                code = table[slot]
            if code == _EMPTY:
                code = known
                firsts[known] = row
                known += 1
                table[slot] = code
                if 2 * known >= len(table):
                    table = np.full(4 * len(table), _EMPTY, dtype=np.int32)
                    for old in range(known):
                        slot = _slot(buffer, start[firsts[old]], end[firsts[old]], len(table))
                        while table[slot] != _EMPTY:
                            slot = (slot + 1) & (len(table) - 1)
                        table[slot] = old
        codes[row] = code
    return known


@njit(cache=True, nogil=True)
def _same(buffer: np.ndarray, low: int, high: int, other: int, other_end: int) -> bool:
    if other_end - other != high - low:
        return False
    for at in range(low, high):  # noqa: SIM110 (numba has no generators here)
        if buffer[at] != buffer[other + at - low]:
            return False
    return True


@njit(cache=True, nogil=True)
def _slot(buffer: np.ndarray, low: int, high: int, size: int) -> np.int64:
    mixed = _OFFSET
    for at in range(low, high):
        mixed = (mixed ^ np.uint64(buffer[at])) * _PRIME
    return np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(size - 1))


@njit(cache=True, nogil=True)
def integers(buffer: np.ndarray, start: np.ndarray, end: np.ndarray, values: np.ndarray) -> None:
    """Stretches as whole numbers of up to ten digits, -1 where one is none."""
    for row in range(len(start)):
        values[row] = _integer(buffer, start[row], end[row])


@njit(cache=True, nogil=True)
def _integer(buffer: np.ndarray, low: int, high: int) -> np.int64:
    if high <= low or high - low > 10:
        return np.int64(-1)
    value = np.int64(0)
    for at in range(low, high):
        digit = np.int64(buffer[at]) - 48
        if digit < 0 or digit > 9:
            return np.int64(-1)
        value = 10 * value + digit
    return value


@njit(cache=True, nogil=True)
def texts(buffer: np.ndarray, start: np.ndarray, end: np.ndarray, offsets: np.ndarray, data: np.ndarray) -> None:
    """Put stretches behind one another: ``data[offsets[i]:offsets[i + 1]]`` is stretch ``i``."""
    for row in range(len(start)):
        shift = offsets[row] - start[row]
        for at in range(start[row], end[row]):
            data[at + shift] = buffer[at]


@njit(cache=True, nogil=True)
def subfields(
    buffer: np.ndarray, start: np.ndarray, limit: np.ndarray, keys: np.ndarray, ends: np.ndarray, numbers: np.ndarray
) -> None:
    """Where the genotypes of cells of one FORMAT end, and the whole parts of wanted numbers.

    Args:
        start, limit: bounds of the cells.
        keys: for every field of the cell the row of ``numbers`` that it goes to, or -1.
        ends: filled with the end of the first field.
        numbers: wanted x cells, filled where the cell has the field.
    """
    for cell in range(len(start)):
        low, last = start[cell], limit[cell]
        for field in range(len(keys)):
            stop = low
            while stop < last and buffer[stop] != 58:
                stop += 1
            if field == 0:
                ends[cell] = stop
            if keys[field] >= 0:
                whole = low
                while whole < stop and buffer[whole] != 46:
                    whole += 1
                numbers[keys[field], cell] = _integer(buffer, low, whole)
            low = min(stop + 1, last)

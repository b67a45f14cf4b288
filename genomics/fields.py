"""Where the fields of many lines are, and what stands in them, without a look at the bytes that no one asks for.

Separators are found in one pass. A field is then read for all lines at once: as a number, as a code where its texts
repeat, or as text. Up to eight bytes are taken as one 64-bit word (the first byte is the lowest).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pyarrow as pa

PAD = 40
"""Bytes before and behind the text, so that a word may be read at every place of it."""

LEAST_BYTES = 24 << 20
"""Size from which machine code repays its import: most of a million records of one genome."""

_TRIES = 3
_WORDS = 4
_LENGTH_MASK = np.array([(1 << 8 * size) - 1 for size in range(8)] + [2**64 - 1], dtype=np.uint64)
_ZEROS = np.array([0x3030303030303030 & ((1 << 8 * (8 - size)) - 1) for size in range(9)], dtype=np.uint64)
"""The digit 0 in the bytes in front of a number of so many digits."""
_SHIFT = np.array([8 * (8 - size) for size in range(8)] + [0], dtype=np.uint64)
_LOW, _HIGH = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)


def compiled() -> ModuleType | None:
    """The same loops as machine code (`kernels`), if a large file has brought them in."""
    return sys.modules.get("genomics.kernels")


def compile_for(size: int) -> None:
    """Bring in machine code where a file of so many bytes repays the import, and numba is installed."""
    if size >= LEAST_BYTES and find_spec("numba") is not None:
        import genomics.kernels  # noqa: F401


def _u(value: int) -> np.uint64:
    return np.uint64(value)


@dataclass(frozen=True)
class Fields:
    """Lines of one number of columns. Column ``k`` of line ``i`` is ``buffer[starts[k][i]:ends[k][i]]``."""

    buffer: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    _codes: dict[int, pa.DictionaryArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.ends.shape[1]

    def only(self, rows: np.ndarray) -> Fields:
        """Return some of the lines."""
        return Fields(self.buffer, self.starts[:, rows], self.ends[:, rows])

    def text(self, column: int, rows: np.ndarray | None = None) -> pa.Array:
        """A column as strings."""
        start, end = self.starts[column], self.ends[column]
        return texts(self.buffer, *((start, end) if rows is None else (start[rows], end[rows])))

    def coded(self, column: int) -> pa.DictionaryArray:
        """A column as codes of its distinct texts."""
        if column not in self._codes:
            self._codes[column] = coded(self.buffer, self.starts[column], self.ends[column])
        return self._codes[column]

    def integers(self, column: int) -> np.ndarray:
        """A column as whole numbers of up to ten digits; -1 where it is none."""
        return integers(self.buffer, self.starts[column], self.ends[column])


def split(text: bytes, columns: int) -> Fields | None:
    """Find the fields of whole lines; None where a line has another number of columns or a control character."""
    padding = b"\0" * PAD
    buffer = np.frombuffer(b"".join((padding, text, padding)), dtype=np.uint8)
    if kernels := compiled():
        starts, ends = np.empty((2, columns, text.count(b"\n")), dtype=np.int64)
        found = kernels.split(buffer, PAD, len(buffer) - PAD, starts, ends)
        return Fields(buffer, starts, ends) if found >= 0 else None
    body = buffer[PAD:-PAD]
    separators = np.flatnonzero(body <= ord("\n"))
    separators += PAD
    kinds = buffer[separators]
    if len(separators) % columns or (kinds < ord("\t")).any():
        return None
    ends = np.ascontiguousarray(separators.reshape(-1, columns).T)
    is_last = kinds == ord("\n")
    if not is_last[columns - 1 :: columns].all() or np.count_nonzero(is_last) != ends.shape[1]:
        return None
    starts = np.empty_like(ends)
    starts[1:] = ends[:-1] + 1
    starts[0, 1:] = ends[-1, :-1] + 1
    starts[0, :1] = PAD
    return Fields(buffer, starts, ends)


def words(buffer: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The eight bytes from each place on, as 64-bit words."""
    whole: np.ndarray = np.ndarray((len(buffer) - 7,), "<u8", buffer, strides=(1,))
    return whole[at]


def texts(buffer: np.ndarray, start: np.ndarray, end: np.ndarray, absent: np.ndarray | None = None) -> pa.Array:
    """Stretches of the buffer as strings; null where ``absent`` says so."""
    if absent is not None:
        end = np.where(absent, start, end)
    length = end - start
    valid = None if absent is None else pa.py_buffer(np.packbits(~absent, bitorder="little"))
    offsets = np.zeros(len(start) + 1, dtype=np.int32)
    np.cumsum(length, out=offsets[1:])
    if kernels := compiled():
        data = np.empty(offsets[-1], dtype=np.uint8)
        kernels.texts(buffer, start, end, offsets, data)
    else:
        places = np.repeat(start - offsets[:-1], length)
        places += np.arange(len(places))
        data = buffer[places]
    return pa.StringArray.from_buffers(len(start), pa.py_buffer(offsets), pa.py_buffer(data), valid)


def coded(buffer: np.ndarray, start: np.ndarray, end: np.ndarray) -> pa.DictionaryArray:
    """Stretches of the buffer as codes: single characters and texts that repeat cost next to nothing."""
    n = len(start)
    codes = np.empty(n, dtype=np.int32)
    if kernels := compiled():
        firsts = np.empty(n, dtype=np.int32)
        firsts = firsts[: kernels.coded(buffer, start, end, codes, firsts)]
        return pa.DictionaryArray.from_arrays(pa.array(codes), texts(buffer, start[firsts], end[firsts]))
    length = end - start
    values: list[str] = []
    single = length == 1
    if single.any():
        letters = buffer[start]
        seen = np.zeros(256, dtype=bool)
        seen[letters if single.all() else letters[single]] = True
        values = [chr(one) for one in np.flatnonzero(seen).tolist()]
        codes = (np.cumsum(seen, dtype=np.int32) - np.int32(1))[letters]
    rest = np.flatnonzero(~single)
    for _ in range(_TRIES if 5 * len(rest) > n else 0):
        if not len(rest) or length[rest[0]] > 8 * _WORDS:
            break
        same = _like_first(buffer, start[rest], length[rest])
        first = rest[0]
        codes[rest[same]] = len(values)
        values.append(buffer[start[first] : end[first]].tobytes().decode())
        rest = rest[~same]
    if len(rest):
        others = texts(buffer, start[rest], end[rest]).dictionary_encode()
        codes[rest] = np.asarray(others.indices) + len(values)
        values += others.dictionary.to_pylist()
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(values, pa.string()))


def _like_first(buffer: np.ndarray, start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Tell which stretches equal the first, which has at most ``8 * _WORDS`` bytes."""
    size = int(length[0])
    same = length == size
    for at in range(0, size, 8):
        part = words(buffer, start + at) & _LENGTH_MASK[min(size - at, 8)]
        same &= part == part[0]
    return same


def integers(buffer: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Stretches of the buffer as whole numbers of up to ten digits, -1 where one is none.

    Eight digits are turned into a number together: neighbours are joined to pairs, pairs to fours, fours to eights.
    """
    if kernels := compiled():
        value = np.empty(len(start), dtype=np.int64)
        kernels.integers(buffer, start, end, value)
        return value
    length = end - start
    size = np.minimum(length, 8)
    shift = _SHIFT[size]
    word = (words(buffer, end - 8) >> shift) << shift | _ZEROS[size]
    # a digit's upper half is 3, and stays 3 when 6 is added
    valid = (word & _u(0xF0F0F0F0F0F0F0F0)) == _u(0x3030303030303030)
    valid &= ((word + _u(0x0606060606060606)) & _u(0xF0F0F0F0F0F0F0F0)) == _u(0x3030303030303030)
    valid &= (length > 0) & (length <= 10)
    word &= _u(0x0F0F0F0F0F0F0F0F)
    word = (word * _u(10) + (word >> _u(8))) & _u(0x00FF00FF00FF00FF)
    word = (word * _u(100) + (word >> _u(16))) & _u(0x0000FFFF0000FFFF)
    word = (word * _u(10_000) + (word >> _u(32))) & _u(0xFFFFFFFF)
    value = word.astype(np.int64)
    for back, worth in ((9, 10**8), (10, 10**9)):
        rows = np.flatnonzero(length >= back)
        if not len(rows):
            break
        digit = buffer[end[rows] - back].astype(np.int64) - ord("0")
        value[rows] += digit * worth
        valid[rows] &= (digit >= 0) & (digit <= 9)
    value[~valid] = -1
    return value


def find(buffer: np.ndarray, letter: str, start: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """The first place of a character from each start on, or the limit where it does not come before."""
    pattern = _LOW * _u(ord(letter))
    found = np.array(limit)
    rows, at = np.arange(len(start)), start
    while len(rows):
        word = words(buffer, at) ^ pattern
        hits = (word - _LOW) & ~word & _HIGH
        # one per byte below the lowest hit
        below = (((hits & (~hits + _u(1))) >> _u(7)) - _u(1)) & _LOW
        place = at + ((below * _LOW) >> _u(56)).astype(np.int64)
        hit = hits != 0
        done = rows[hit] if not hit.all() else rows
        found[done] = np.minimum(limit[done], place[hit] if not hit.all() else place)
        more = ~hit & (at + 8 < limit[rows])
        rows, at = rows[more], at[more] + 8
    return found


def recoded(column: pa.DictionaryArray, function: Callable[[pa.Array], pa.Array]) -> pa.DictionaryArray:
    """Apply a function of strings to the distinct values of a column; what then is equal has one code."""
    values = function(column.dictionary)
    if values.equals(column.dictionary):
        return column
    again = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(again.indices.take(column.indices), again.dictionary)


def judged(column: pa.DictionaryArray, function: Callable[[pa.Array], pa.Array]) -> np.ndarray:
    """Ask a question of the distinct values of a column; the answer for every row."""
    answers = np.asarray(function(column.dictionary).fill_null(False))
    return answers[np.asarray(column.indices)] if len(answers) else np.zeros(len(column), dtype=bool)

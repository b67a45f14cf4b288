"""Cutting delimited bytes into records: exact ordinals and line numbers, bounded memory, no record lost to another.

Record ends are line ends outside quotes. Where quoting is regular (RFC 4180), whole blocks are cut with array
operations: a line end is outside quotes when an even number of quotes stand before it. The first irregular quote stops
that; from there a regular expression takes a stretch record by record, refuses exactly the lines that cannot be read,
and goes on at the next line, so that a quote which is never closed costs one line and not the rest of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import numpy.typing as npt

from lake.quarantine import MAX_TEXT

CHUNK = 16 << 20
_STRETCH = 1_000
"""Records read one by one after an irregular quote, before array operations are tried again."""

Ints = npt.NDArray[np.int64]
_QUOTE, _CR, _LF = 0x22, 0x0D, 0x0A


@dataclass(frozen=True)
class Broken:
    """A record that cannot be read as columns."""

    record_no: int
    line_no: int
    reason: str
    detail: str
    text: str


@dataclass
class Block:
    """Readable records, in file order.

    Attributes:
        text: the records' bytes, each with a line end; valid UTF-8; every record has the wanted number of columns.
        record_no: 1-based ordinal of each record among the file's data records, broken ones included.
        line_no: 1-based number of the line on which each record starts.
        starts, ends: where each record lies in ``text``, without its line end.
        quoted: whether any quote occurs in ``text``.
    """

    text: bytes
    record_no: Ints
    line_no: Ints
    starts: Ints
    ends: Ints
    quoted: bool


@dataclass
class Splitter:
    """Splits a binary stream, positioned anywhere at a line start, into blocks of readable records.

    Args:
        delimiter: one ASCII character.
        columns: how many columns each record must have.
        max_record: longest record in bytes; longer ones are refused without being held in memory.
        broken: called for every record that is refused.
        line_no: number of the line at which the stream stands.
    """

    delimiter: str
    columns: int
    max_record: int
    broken: Callable[[Broken], None]
    line_no: int = 1
    records: int = 0
    blank: int = 0
    _starts: list[Ints] = field(default_factory=list)
    _ends: list[Ints] = field(default_factory=list)
    _bad: dict[int, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        d = re.escape(self.delimiter.encode())
        value = rb'(?:"[^"]*+(?:""[^"]*+)*+"|[^"\r\n' + d + rb"][^\r\n" + d + rb"]*+|)"
        self._record = re.compile(value + rb"(?:" + d + value + rb")*+(?=[\r\n])")
        self._value = re.compile(value + rb"(?:" + d + rb"|\Z)")
        self._line = re.compile(rb"[^\r\n]*+")

    def blocks(self, stream: IO[bytes], encoding: str = "utf-8") -> Iterator[Block]:
        """Yield blocks until the (buffered) stream ends.

        Lone CR, LF and CRLF end lines; blank lines are counted in ``blank`` and are no records.
        """
        rest, final, skipping = b"", False, False
        chunk_size = max(CHUNK, self.max_record)
        while not final:
            chunk = stream.read(chunk_size)
            final = len(chunk) < chunk_size
            if encoding != "utf-8":
                # A byte that the encoding does not define stays invalid, so that its record is refused, not guessed.
                chunk = chunk.decode(encoding, "surrogateescape").encode("utf-8", "surrogatepass")
            buffer = rest + chunk
            if skipping:
                buffer, skipping = self._skip(buffer)
            if final and buffer and buffer[-1] not in (_CR, _LF):
                buffer += b"\n"
            # A final CR may be the first half of CRLF: it waits for the next chunk.
            usable = len(buffer) - (not final and buffer[-1:] == b"\r")
            done = self._cut(buffer, usable, final)
            block = self._finish(buffer, done)
            if block is not None:
                yield block
            rest = buffer[done:]
            if len(rest) > self.max_record and not final:
                self._refuse_giant(rest)
                rest, skipping = self._skip(rest)

    def _cut(self, buffer: bytes, usable: int, final: bool) -> int:
        """Find record bounds in ``buffer[:usable]``; returns where the last complete record's line end stops."""
        position = 0
        while position < usable:
            position, irregular = self._cut_regular(buffer, position, usable)
            if position >= usable or not (irregular or final or usable - position > self.max_record):
                break
            stopped = self._cut_slowly(buffer, position, usable, final)
            if stopped == position:
                break
            position = stopped
        return position

    def _cut_regular(self, buffer: bytes, position: int, usable: int) -> tuple[int, bool]:
        """Take records by array operations up to the first irregular quote; True if there was one."""
        # Grow the window while quoting stays regular, so that an irregular place costs a small window only.
        window = CHUNK if not self._bad and not self._starts else 256 << 10
        while position < usable:
            stop = min(position + window, usable)
            data = np.frombuffer(buffer, np.uint8, stop - position, position)
            line_ends = _line_ends(data, buffer, stop)
            quotes = np.flatnonzero(data == _QUOTE)
            delimiters = np.flatnonzero(data == ord(self.delimiter))
            irregular = -1
            if quotes.size:
                line_ends = line_ends[np.searchsorted(quotes, line_ends) % 2 == 0]
                delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
                irregular = _first_irregular(data, quotes, ord(self.delimiter))
                if irregular >= 0:
                    line_ends = line_ends[line_ends < irregular]
            if line_ends.size:
                self._take(data, position, line_ends, delimiters)
                position += int(line_ends[-1]) + 1
            if irregular >= 0:
                return position, True
            if stop == usable:
                return position, False
            if not line_ends.size and window > self.max_record:
                return position, True
            window = min(window * 4, max(CHUNK, 2 * self.max_record))
        return position, False

    def _take(self, data: npt.NDArray[np.uint8], offset: int, line_ends: Ints, delimiters: Ints) -> None:
        starts = np.concatenate(([0], line_ends[:-1] + 1))
        crlf = (data[line_ends] == _LF) & (line_ends > starts) & (data[np.maximum(line_ends - 1, 0)] == _CR)
        ends = line_ends - crlf
        found = np.searchsorted(delimiters, ends) - np.searchsorted(delimiters, starts) + 1
        for index in np.flatnonzero((found != self.columns) & (ends > starts)):
            self._bad[offset + int(starts[index])] = self._wrong_count(int(found[index]))
        for index in np.flatnonzero(ends - starts > self.max_record):
            self._bad[offset + int(starts[index])] = self._too_long()
        self._starts.append(starts + offset)
        self._ends.append(ends + offset)

    def _cut_slowly(self, buffer: bytes, position: int, usable: int, final: bool) -> int:
        """Take some records one by one, refusing the lines that are none; returns where it stopped."""
        starts: list[int] = []
        ends: list[int] = []
        while position < usable and len(starts) < _STRETCH:
            match = self._record.match(buffer, position, min(usable, position + self.max_record + 2))
            if match is None and not final and usable - position <= self.max_record + 2:
                break
            if match is None:
                match = self._line.match(buffer, position, usable)
                assert match is not None
                if match.end() == usable:
                    break
                long = match.end() - position > self.max_record
                self._bad[position] = self._too_long() if long else _BAD_QUOTING
            elif (found := self._count(match.group())) != self.columns and match.end() > position:
                self._bad[position] = self._wrong_count(found)
            starts.append(position)
            ends.append(match.end())
            position = match.end() + (2 if buffer[match.end() : match.end() + 2] == b"\r\n" else 1)
        self._starts.append(np.array(starts, np.int64))
        self._ends.append(np.array(ends, np.int64))
        return position

    def _count(self, record: bytes) -> int:
        if b'"' not in record:
            return record.count(self.delimiter.encode()) + 1
        position = found = 0
        while position < len(record):
            match = self._value.match(record, position)
            assert match is not None
            position, found = match.end(), found + 1
        return found + record.endswith(self.delimiter.encode()) if record else 1

    def _finish(self, buffer: bytes, done: int) -> Block | None:
        """Turn the bounds found so far into a block; number records and lines; report the broken ones."""
        starts = np.concatenate(self._starts or [np.empty(0, np.int64)]).astype(np.int64)
        ends = np.concatenate(self._ends or [np.empty(0, np.int64)]).astype(np.int64)
        bad, self._starts, self._ends, self._bad = self._bad, [], [], {}
        data = np.frombuffer(buffer, np.uint8, done)
        line_ends = _line_ends(data, buffer, done)
        line_no = np.searchsorted(line_ends, starts) + self.line_no
        self.line_no += line_ends.size
        filled = ends > starts
        self.blank += int((~filled).sum())
        place = np.flatnonzero(filled)
        starts, ends, line_no = starts[filled], ends[filled], line_no[filled]
        record_no = np.arange(1, starts.size + 1) + self.records
        self.records += starts.size
        bad |= _not_utf8(buffer, done, starts, ends)
        if not starts.size:
            return None
        if not bad and starts.size == filled.size:
            text = buffer[:done] if done < len(buffer) else buffer
            return Block(text, record_no, line_no, starts, ends, b'"' in text)
        good = np.ones(starts.size, bool)
        for index in np.flatnonzero(np.isin(starts, np.fromiter(bad, np.int64, len(bad)))):
            good[index] = False
            reason, detail = bad[int(starts[index])]
            excerpt = buffer[starts[index] : min(ends[index], starts[index] + 4 * MAX_TEXT)]
            self.broken(
                Broken(int(record_no[index]), int(line_no[index]), reason, detail, excerpt.decode("utf-8", "replace"))
            )
        starts, ends = starts[good], ends[good]
        if not starts.size:
            return None
        text, moved = _joined(buffer, starts, ends, place[good])
        return Block(text, record_no[good], line_no[good], moved, moved + (ends - starts), b'"' in text)

    def _refuse_giant(self, rest: bytes) -> None:
        self.records += 1
        reason, detail = self._too_long()
        self.broken(Broken(self.records, self.line_no, reason, detail, rest[:MAX_TEXT].decode("utf-8", "replace")))

    def _skip(self, buffer: bytes) -> tuple[bytes, bool]:
        """Drop what remains of a giant line; True while its end has not been seen."""
        found = [place for place in (buffer.find(b"\n"), buffer.find(b"\r")) if place >= 0]
        if not found:
            return b"", True
        end = min(found)
        if buffer[end:] == b"\r":  # perhaps the first half of CRLF
            return b"\r", True
        self.line_no += 1
        return buffer[end + (2 if buffer[end : end + 2] == b"\r\n" else 1) :], False

    def _wrong_count(self, found: int) -> tuple[str, str]:
        return "wrong_column_count", f"{found} columns, the header has {self.columns}"

    def _too_long(self) -> tuple[str, str]:
        return "line_too_long", f"longer than {self.max_record:,} bytes; raise max_line_bytes of the mapping if real"


_BAD_QUOTING = ("bad_quoting", "text follows a closing quote, or a quote is never closed")


def _line_ends(data: npt.NDArray[np.uint8], buffer: bytes, stop: int) -> Ints:
    """Positions of LF, and of CR that no LF follows."""
    ends = data == _LF
    returns = np.flatnonzero(data == _CR)
    if returns.size:
        following = np.minimum(returns + 1, data.size - 1)
        lone = data[following] != _LF
        if returns[-1] == data.size - 1:
            lone[-1] = buffer[stop : stop + 1] != b"\n"
        ends[returns[lone]] = True
    return np.flatnonzero(ends)


def _first_irregular(data: npt.NDArray[np.uint8], quotes: Ints, delimiter: int) -> int:
    """Position of the first quote that neither opens, closes nor doubles as RFC 4180 says; -1 if all do.

    Quotes alternate between opening and closing; a doubled quote closes and opens again.
    """
    opening, closing = quotes[0::2], quotes[1::2]
    before = data[np.maximum(opening - 1, 0)]
    fine = (opening == 0) | (before == delimiter) | (before == _LF) | (before == _CR)
    again = opening[1:] == closing[: opening.size - 1] + 1
    fine[1:] |= again
    after = data[np.minimum(closing + 1, data.size - 1)]
    ended = (closing == data.size - 1) | (after == delimiter) | (after == _LF) | (after == _CR) | (after == _QUOTE)
    wrong = np.concatenate((opening[~fine], closing[~ended]))
    return int(wrong.min()) if wrong.size else -1


def _not_utf8(buffer: bytes, done: int, starts: Ints, ends: Ints) -> dict[int, tuple[str, str]]:
    try:
        str(memoryview(buffer)[:done], "utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return {}
    found = {}
    high = np.flatnonzero(np.frombuffer(buffer, np.uint8, done) >= 0x80)
    for index in np.unique(np.searchsorted(starts, high, side="right") - 1):
        start, end = int(starts[index]), int(ends[index])
        try:
            str(memoryview(buffer)[start:end], "utf-8")
        except UnicodeDecodeError as error:
            found[start] = ("invalid_utf8", f"byte {error.start + 1} of the record is not UTF-8")
    return found


def _joined(buffer: bytes, starts: Ints, ends: Ints, place: Ints) -> tuple[bytes, Ints]:
    """Copy the records next to each other, neighbours (by ``place``) as one run; returns text and new starts."""
    breaks = np.flatnonzero(np.diff(place) != 1) + 1
    first = np.concatenate(([0], breaks))
    last = np.concatenate((breaks, [starts.size])) - 1
    lengths = ends[last] - starts[first] + 1
    offsets = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    moved = starts + np.repeat(offsets - starts[first], last - first + 1)
    view = memoryview(buffer)
    pieces: list[bytes | memoryview] = []
    for begin, end in zip(starts[first].tolist(), ends[last].tolist(), strict=True):
        pieces += [view[begin:end], b"\n"]
    return b"".join(pieces), moved

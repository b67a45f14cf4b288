"""Apple ``export.xml`` in blocks of whole lines: where records and their attributes stand, found by NumPy.

Apple writes each element on a line of its own, so quotes and line breaks are all that has to be found: the text between
the quotes is never copied before it is needed. What does not look as expected is not judged here but handed on
(``Block.others``), and ``lines`` decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BLOCK_BYTES = 1 << 20
"""As much as stays in a core's own cache while it is looked at again and again."""
_LONGEST = 256 << 20
"""A block that finds no end within these bytes is not Apple's."""
_SLACK = 64
"""Bytes behind the text, so that eight bytes can be read at any position of it."""
_OPENERS = (b"<Record ", b"<Workout ", b"<Correlation ", b"<ActivitySummary ")
_INDENT = 8
_MOST_LAYOUTS = 64
_MOST_ATTRIBUTES = 16
_LONGEST_NAME = 16

Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]
Words = NDArray[np.uint64]


class NotByLine(Exception):
    """The text is not elements on lines of their own; another way of reading has to be found."""


def word(text: bytes) -> np.uint64:
    """The first eight bytes of a text as the number that they are in memory."""
    return np.frombuffer(text[:8].ljust(8, b"\0"), "<u8")[0]


_RECORD, _META = word(b"<Record "), word(b"<Metadat")
_META_KEY = word(b'ry key="')
_WANTED_KEYS = (word(b"HKTimeZo"), word(b"HKWasUse"))
_WORKOUT = word(b"<Workout")
_OPEN_CORRELATION, _CLOSE_CORRELATION = word(b"<Correla"), word(b"</Correl")
_DULL = tuple(word(one) for one in (b"<Instant", b"<HeartRa", b"<FileRef"))
_QUOTE, _BREAK = ord('"'), ord("\n")


@dataclass(frozen=True)
class Layout:
    """The attributes of a record in the order in which they stand; an attribute's name reads `` name=``.

    Attributes:
        names: the names; empty where one of them is nothing we know how to read.
        gaps: bytes of each name, from the quote before (or the tag) to the opening quote.
        tails, masks: the last eight bytes of each name, those that belong to it.
        places, heads, head_masks: the names that are longer, and the eight bytes before.
    """

    names: tuple[str, ...]
    gaps: Positions
    tails: Words
    masks: Words
    places: Positions
    heads: Words
    head_masks: Words


@dataclass
class Span:
    """Where an attribute's values stand, one per record; ``is_there`` is False where a record lacks it."""

    start: Positions
    end: Positions
    is_there: Flags


@dataclass
class Block:
    """Whole lines of the text.

    Attributes:
        bytes, words: the text, and the eight bytes at each of its positions.
        first_line: number of its first line.
        lines: how many there are.
        line_no: numbers of the lines that open a record.
        spans: the records' attributes by name.
        is_known: the record's attributes are where ``spans`` says.
        is_inside: the record stands inside a correlation.
        metadata: (record, start, end, line number) of metadata of interest that hang on a record.
        has_oddity: metadata may hang on the record that are written in another way.
        others: (start, end, line number) of every other line that may matter.
    """

    buffer: bytearray
    bytes: NDArray[np.uint8]
    words: Words
    first_line: int
    lines: int = 0
    line_no: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    line_start: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    line_end: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    spans: dict[str, Span] = field(default_factory=dict)
    is_known: Flags = field(default_factory=lambda: np.empty(0, np.bool_))
    is_inside: Flags = field(default_factory=lambda: np.empty(0, np.bool_))
    metadata: tuple[Positions, ...] = ()
    has_oddity: Flags = field(default_factory=lambda: np.empty(0, np.bool_))
    others: tuple[Positions, ...] = ()

    def texts(self, start: Positions, end: Positions) -> pa.StringArray:
        """The texts between positions, copied; both must grow."""
        offsets = np.empty(2 * len(start), np.int32)
        offsets[0::2], offsets[1::2] = start, end
        if not len(start):
            return pa.array([], pa.string())
        both = pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(self.buffer))
        return both.take(pa.array(np.arange(0, len(offsets), 2)))


def blocks(path: Path, wanted: tuple[str, ...]) -> Iterator[Block]:
    """Split a file into blocks that end before a line that opens an element.

    Args:
        path: UTF-8 text.
        wanted: attributes of records whose positions are asked for.

    Raises:
        NotByLine: it is no UTF-8, has carriage returns, or no element begins where a block could end.
    """
    splitter = _Splitter(wanted)
    buffer = bytearray(2 * BLOCK_BYTES + _SLACK)
    filled = 0
    with path.open("rb") as stream:
        while True:
            got = stream.readinto(memoryview(buffer)[filled : filled + BLOCK_BYTES])
            filled += got
            cut = _end(buffer, filled) if got else filled
            if cut:
                yield splitter.split(buffer, cut)
                buffer[: filled - cut] = buffer[cut:filled]
                filled -= cut
            elif filled > _LONGEST:
                raise NotByLine
            if filled + BLOCK_BYTES + _SLACK > len(buffer):
                buffer = buffer + bytes(BLOCK_BYTES)
            if not got:
                return


def _end(buffer: bytearray, filled: int) -> int:
    """Where the last line begins that opens an element; 0 if there is none behind the first."""
    opener = next((found for one in _OPENERS if (found := buffer.rfind(one, 0, filled)) > 0), 0)
    return buffer.rfind(b"\n", 0, opener) + 1 if opener else 0


class _Splitter:
    """What has to be remembered from block to block."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self.wanted = wanted
        self.line = 1
        self.is_inside = False
        self.layouts: list[Layout] = []

    def split(self, buffer: bytearray, size: int) -> Block:
        """Find lines, records and attributes in the first ``size`` bytes."""
        _check(buffer, size)
        text = np.frombuffer(buffer, np.uint8, size)
        block = Block(buffer, text, np.ndarray(size, "<u8", buffer, strides=(1,)), self.line)
        ends = np.flatnonzero(text == _BREAK)
        block.lines = len(ends)
        if size and text[-1] != _BREAK:
            ends = np.append(ends, size)
        starts = np.empty_like(ends)
        starts[:1] = 0
        starts[1:] = ends[:-1] + 1
        tags = starts.copy()
        for _ in range(_INDENT):
            at = text[np.minimum(tags, size - 1)]
            blank = (at == 32) | (at == 9)
            if not blank.any():
                break
            tags += blank
        tags = np.minimum(tags, size - 1)
        heads = block.words[tags]
        is_record = heads == _RECORD
        records = np.flatnonzero(is_record)
        block.line_no = records + self.line
        block.line_start, block.line_end = starts[records], ends[records]
        self._others(block, starts, ends, tags, heads, np.flatnonzero(~is_record), records)
        self._attributes(block, tags[records])
        self.line += block.lines
        return block

    def _others(
        self,
        block: Block,
        starts: Positions,
        ends: Positions,
        tags: Positions,
        heads: Words,
        lines: Positions,
        records: Positions,
    ) -> None:
        """Lines that are no records: those that matter, metadata and their records, correlations."""
        head, tag = heads[lines], tags[lines]
        first, second = head & np.uint64(0xFF), (head >> np.uint64(8)) & np.uint64(0xFF)
        closes_correlation = head == _CLOSE_CORRELATION
        dull = (first != ord("<")) | (second == ord("!")) | ((second == ord("/")) & ~closes_correlation)
        for one in _DULL:
            dull |= head == one
        # deeper than usual: nothing is known of the line
        dull &= ~((first == 32) | (first == 9))
        last = len(block.bytes) - 1
        is_metadata = head == _META
        usual = is_metadata & (block.words[np.minimum(tag + 12, last)] == _META_KEY)
        key = block.words[np.minimum(tag + 20, last)]
        wanted = is_metadata & (~usual | (key == _WANTED_KEYS[0]) | (key == _WANTED_KEYS[1]))
        dull |= is_metadata & ~wanted
        opens_other = (head == _WORKOUT) | (head == _OPEN_CORRELATION)
        owners, before = (np.searchsorted(one, lines[wanted]) - 1 for one in (records, lines[opens_other]))
        # a line's owner is what opened last: the record, unless a workout or a correlation opened after it
        last_other = np.append(lines[opens_other], -1)[before]
        is_of_record = (owners >= 0) & (np.append(records, -1)[owners] > last_other) & usual[wanted]
        hung = np.flatnonzero(wanted)[is_of_record]
        block.metadata = (owners[is_of_record], tag[hung], ends[lines[hung]], lines[hung] + self.line)
        dull[hung] = True
        odd = owners[~usual[wanted]]
        block.has_oddity = np.zeros(len(records), np.bool_)
        block.has_oddity[odd[odd >= 0]] = True
        kept = lines[~dull]
        block.others = (starts[kept], ends[kept], kept + self.line)
        opens = head == _OPEN_CORRELATION
        bounds = opens | closes_correlation
        block.is_inside = np.full(len(records), self.is_inside)
        if bounds.any():
            where, opening = lines[bounds], opens[bounds]
            before = np.searchsorted(where, records) - 1
            block.is_inside = np.where(before < 0, self.is_inside, opening[before])
            self.is_inside = bool(opening[-1])

    def _attributes(self, block: Block, tags: Positions) -> None:
        quotes = np.flatnonzero(block.bytes == _QUOTE)
        first = np.searchsorted(quotes, block.line_start)
        count = np.searchsorted(quotes, block.line_end) - first
        block.is_known = np.zeros(len(tags), np.bool_)
        # an attribute that is not there is an empty text at the beginning of its line, so that positions still grow
        block.spans = {
            name: Span(block.line_start.copy(), block.line_start.copy(), np.zeros(len(tags), np.bool_))
            for name in self.wanted
        }
        left = np.flatnonzero((count % 2 == 0) & (count > 0) & (count <= 2 * _MOST_ATTRIBUTES))
        for layout in self.layouts:
            left = _place(block, layout, tags, quotes, first, count, left)
        while len(left) and len(self.layouts) < _MOST_LAYOUTS:
            one = left[0]
            layout = _layout(block, int(tags[one]), quotes[first[one] : first[one] + count[one]])
            self.layouts.append(layout)
            left = _place(block, layout, tags, quotes, first, count, left)


def _place(
    block: Block,
    layout: Layout,
    tags: Positions,
    quotes: Positions,
    first: Positions,
    count: Positions,
    left: Positions,
) -> Positions:
    """Fill in where the attributes of the records of one layout stand; returns the records that are left."""
    is_candidate = count[left] == 2 * len(layout.gaps)
    rows = left[is_candidate]
    if not len(rows):
        return left
    # `<Record` stands before every name, so there is always something sixteen bytes back
    found = quotes[first[rows] + np.arange(2 * len(layout.gaps))[:, None]]
    before = np.empty((len(layout.gaps), len(rows)), np.int64)
    before[0] = tags[rows] + (len("<Record") - 1)
    before[1:] = found[1:-1:2]
    fits = (found[0::2] - before - 1 == layout.gaps[:, None]).all(axis=0)
    fits &= ((block.words[found[0::2] - 8] & layout.masks[:, None]) == layout.tails[:, None]).all(axis=0)
    longer = block.words[found[2 * layout.places] - 16] & layout.head_masks[:, None]
    fits &= (longer == layout.heads[:, None]).all(axis=0)
    everything = bool(fits.all())
    if not everything:
        rows, found = rows[fits], found[:, fits]
    if layout.names:
        block.is_known[rows] = True
        for place, name in enumerate(layout.names):
            if name in block.spans:
                span = block.spans[name]
                span.start[rows] = found[2 * place] + 1
                span.end[rows] = found[2 * place + 1]
                span.is_there[rows] = True
    if everything:
        return left[~is_candidate]
    is_candidate[is_candidate] = fits
    return left[~is_candidate]


def _layout(block: Block, tag: int, quotes: Positions) -> Layout:
    """The layout of one record, from the positions of its quotes."""
    before = tag + len("<Record")
    texts = []
    for place in range(0, len(quotes), 2):
        texts.append(bytes(block.buffer[before : int(quotes[place])]))
        before = int(quotes[place + 1]) + 1
    ends = quotes[0::2]
    names = [text[1:-1].decode("ascii", "replace") for text in texts]
    usual = all(
        text[:1] == b" " and text[-1:] == b"=" and name.isalnum() and len(text) <= _LONGEST_NAME
        for text, name in zip(texts, names, strict=True)
    )
    lengths = [len(text) for text in texts]
    masks = np.array([((1 << 8 * min(n, 8)) - 1) << 8 * (8 - min(n, 8)) for n in lengths], np.uint64)
    places = np.array([place for place, n in enumerate(lengths) if n > 8], np.int64)
    rest = [min(lengths[place], 16) - 8 for place in places]
    head_masks = np.array([((1 << 8 * n) - 1) << 8 * (8 - n) for n in rest], np.uint64)
    return Layout(
        names=tuple(names) if usual and len(set(names)) == len(names) else (),
        gaps=np.array(lengths, np.int64),
        tails=block.words[ends - 8] & masks,
        masks=masks,
        places=places,
        heads=block.words[ends[places] - 16] & head_masks,
        head_masks=head_masks,
    )


def _check(buffer: bytearray, size: int) -> None:
    """Refuse what the positions of quotes and line breaks cannot tell.

    Raises:
        NotByLine: undecodable bytes or carriage returns.
    """
    if buffer.find(b"\r", 0, size) >= 0:
        raise NotByLine
    whole = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, size], np.int32)), pa.py_buffer(buffer))
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        raise NotByLine from None

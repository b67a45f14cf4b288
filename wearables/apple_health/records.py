"""Records of Apple's ``export.xml`` to samples, a block of lines at a time, in columns.

The way for large files. It accepts only what is beyond doubt: a record with the usual attributes and nothing hung on
it, times as Apple writes them, a value that is a number, a unit that is known. Everything else goes to a file of lines,
which ``lines`` and SQL judge as they judge a small file: there is one judge, and he is left little work.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lake.sink import Sink
from wearables.apple_health.blocks import Block, Flags, Span, blocks, word
from wearables.apple_health.content import Content
from wearables.apple_health.heads import Heads
from wearables.apple_health.metadata import Metadata
from wearables.apple_health.rows import PORTION, Portions, Rows
from wearables.apple_health.stamps import stamps
from wearables.apple_health.types import SLEEP
from wearables.canonical import EARLIEST, type_name

ATTRIBUTES = ("type", "sourceName", "device", "unit", "creationDate", "startDate", "endDate", "value")
_LINE = pa.schema([("line_no", pa.int64()), ("line", pa.string())])
_TAGS = ((b"<Record", (1 << 56) - 1), (b"<Workout", (1 << 64) - 1))
_PORTION_BYTES = 1 << 20
_STAGES = pa.array(list(SLEEP))
_NUMBER = r"^-?[0-9]{1,17}([.][0-9]{1,30})?$"

# `&lt;&lt;HKDevice: 0x2811c1a40&gt;, name:…`: the address differs from record to record
_DEVICE = (word(b"&lt;&lt;H"), word(b"KDevice:"), word(b" 0x"))
_ADDRESS_AT, _ADDRESS_MOST = 19, 16
_ADDRESS_END = word(b"&gt;")
_HEX = np.isin(np.arange(256), np.frombuffer(b"0123456789abcdef", np.uint8))


@dataclass
class Found:
    """What was read of a file.

    Attributes:
        lines: Parquet of (line_no, line): everything that has to be judged elsewhere.
        accepted: samples written.
        ignored: records without a metric of ours, by type.
        repeated: numbers of lines inside correlations whose record stands at top level too.
        tags: occurrences of ``<Record`` and ``<Workout`` in the text.
    """

    lines: Path
    accepted: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    repeated: list[int] = field(default_factory=list)
    tags: Counter[bytes] = field(default_factory=Counter)

    @property
    def records(self) -> int:
        """Records that need no other judge."""
        return self.accepted + self.ignored.total()


def read(path: Path, sink: Sink, latest: datetime) -> Found:
    """Write the records of an export that are beyond doubt to ``wearable_sample``; hand on everything else.

    Args:
        path: plain text.
        latest: the last plausible time, UTC.

    Raises:
        NotByLine: the text is not UTF-8 with an element a line; what was written has to be discarded.
    """
    found = Found(sink.work / "lines.parquet")
    heads, metadata = Heads(), Metadata(sink.connection)
    portions = Portions(sink, heads, metadata)
    content = Content(sink.work / "content.hash") if _holds(path, b"<Correlation") else None
    bounds = (_microseconds(EARLIEST), _microseconds(latest))
    left = Lines(found.lines)
    for block in blocks(path, ATTRIBUTES):
        _count_tags(block, found)
        settled = _samples(block, found, portions, content, bounds)
        left.add(block, settled)
    left.close()
    portions.write()
    if content is not None:
        found.repeated = content.repeated()
    return found


def _microseconds(time: datetime) -> int:
    return int(np.datetime64(time, "us").astype(np.int64))


def _holds(path: Path, text: bytes) -> bool:
    """The file contains a text; read in portions, because pages of a mapped file count as memory."""
    rest = b""
    with path.open("rb", buffering=0) as file:
        while portion := file.read(_PORTION_BYTES):
            if text in rest + portion[: len(text)] or text in portion:
                return True
            rest = portion[-len(text) :]
    return False


def _count_tags(block: Block, found: Found) -> None:
    """Count the tags wherever they stand: the check that no record is overlooked."""
    heads = block.words[np.flatnonzero(block.bytes == ord("<"))]
    for tag, mask in _TAGS:
        found.tags[tag] += int(np.count_nonzero((heads & np.uint64(mask)) == word(tag)))


def _samples(block: Block, found: Found, portions: Portions, content: Content | None, bounds: tuple[int, int]) -> Flags:
    """Write the block's samples; returns which records are settled."""
    heads = portions.heads
    known = block.is_known & block.spans["type"].is_there
    known &= block.spans["startDate"].is_there & block.spans["endDate"].is_there
    head, hung = heads.of(block, _without_address(block)), portions.metadata.of(block)
    if content is not None:
        content.add(block, known, heads.alike(head))
    has_metric = heads.has_metric(head)
    mine = known & ~block.is_inside & ~block.has_oddity & hung.is_plain
    ignored = mine & ~has_metric
    for one, number in enumerate(np.bincount(head[ignored])):
        if number:
            found.ignored[type_name(heads.kinds[one])] += int(number)
    created, started, ended = (stamps(block, block.spans[name]) for name in ("creationDate", "startDate", "endDate"))
    sure = mine & has_metric & block.spans["value"].is_there & started.is_sure & ended.is_sure
    sure &= created.is_sure | ~block.spans["creationDate"].is_there
    sure &= (started.utc >= bounds[0]) & (ended.utc <= bounds[1]) & (ended.utc >= started.utc)
    rows = np.flatnonzero(sure)
    is_category = heads.is_category(head[rows])
    numbers, stages = _values(block, rows, is_category)
    canonical = heads.canonical(head[rows], numbers)
    good = np.where(is_category, stages >= 0, np.isfinite(canonical))
    if not good.all():
        rows, numbers, canonical, stages = rows[good], numbers[good], canonical[good], stages[good]
    found.accepted += len(rows)
    local = block.spans["startDate"]
    portions.add(
        Rows(
            line_no=block.line_no[rows],
            head=head[rows],
            start=started.utc[rows],
            end=ended.utc[rows],
            created=created.utc[rows],
            has_created=block.spans["creationDate"].is_there[rows],
            offset_min=started.offset_min[rows],
            zone=hung.zone[rows],
            was_entered=hung.was_entered[rows],
            number=numbers,
            canonical=canonical,
            stage=stages,
            local_text=block.texts(local.start[rows], local.end[rows]),
        )
    )
    settled = ignored
    settled[rows] = True
    return settled


def _values(block: Block, rows: NDArray[np.int64], is_category: Flags) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Numbers (nan where there is none) and places of sleep stages (-1 where there is none) of rows."""
    span = block.spans["value"]
    texts = block.texts(span.start[rows], span.end[rows])
    numbers, stages = np.full(len(rows), np.nan), np.full(len(rows), -1)
    measured = texts
    if is_category.any():
        places = pc.index_in(texts.filter(pa.array(is_category)), value_set=_STAGES).fill_null(-1)
        stages[is_category] = places.to_numpy(zero_copy_only=False)
        measured = texts.filter(pa.array(~is_category))
    try:
        parsed = measured.cast(pa.float64())
    except pa.ArrowInvalid:
        is_number = pc.match_substring_regex(measured, _NUMBER)
        parsed = pc.if_else(is_number, measured, "nan").cast(pa.float64())
    numbers[~is_category] = parsed.to_numpy(zero_copy_only=False)
    return numbers, stages


class Lines:
    """The lines that somebody else has to judge, in the order of the file."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, _LINE, compression="lz4", use_dictionary=False)
        self._waiting: list[pa.RecordBatch] = []
        self._number = 0

    def add(self, block: Block, settled: Flags) -> None:
        """Take in what is left of a block."""
        rows = np.flatnonzero(~settled)
        owners, *lines = block.metadata
        left = ~settled[owners]
        of_records = (block.line_start[rows], block.line_end[rows], block.line_no[rows])
        starts, ends, numbers = (
            np.concatenate((other, record, metadata[left]))
            for other, record, metadata in zip(block.others, of_records, lines, strict=True)
        )
        if not len(starts):
            return
        order = np.argsort(starts)
        texts = block.texts(starts[order], ends[order])
        self._waiting.append(pa.record_batch([pa.array(numbers[order]), texts], schema=_LINE))
        self._number += len(starts)
        if self._number >= PORTION:
            self._write()

    def close(self) -> None:
        """Write the rest."""
        self._write()
        self._writer.close()

    def _write(self) -> None:
        self._writer.write_table(pa.Table.from_batches(self._waiting, _LINE))
        self._waiting, self._number = [], 0


def _without_address(block: Block) -> Span:
    """Devices without the address of an object in the phone's memory: what follows it."""
    span = block.spans["device"]
    last = len(block.words) - 1
    words = [block.words[np.minimum(span.start + 8 * place, last)] for place in range(3)]
    has_address = span.is_there & (words[0] == _DEVICE[0]) & (words[1] == _DEVICE[1])
    has_address &= (words[2] & np.uint64(0xFFFFFF)) == _DEVICE[2]
    start = span.start.copy()
    left = np.flatnonzero(has_address)
    at = start[left] + _ADDRESS_AT
    for _ in range(_ADDRESS_MOST):
        is_end = (block.words[np.minimum(at, last)] & np.uint64(0xFFFFFFFF)) == _ADDRESS_END
        start[left[is_end]] = at[is_end]
        goes_on = _HEX[block.bytes[np.minimum(at, last)]]
        left, at = left[goes_on], at[goes_on] + 1
        if not len(left):
            break
    return Span(start, span.end, span.is_there)

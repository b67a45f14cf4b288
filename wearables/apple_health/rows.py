"""Samples of an export on their way from its text to ``wearable_sample``: gathered, then written in portions."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lake.sink import Sink
from wearables.apple_health.heads import Heads, coded
from wearables.apple_health.metadata import Metadata
from wearables.apple_health.types import SLEEP

PORTION = 120_000
"""Rows that are written at once: a row group of the file."""


@dataclass
class Rows:
    """Samples of a block, one place per sample in every column.

    Attributes:
        line_no: where the record stands.
        head: its number in ``Heads``.
        start, end, created: microseconds since 1970, UTC; ``has_created`` where the record has it.
        offset_min: as written.
        zone, was_entered: as in ``metadata.Hung``.
        number: the value as written, nan for words; ``canonical`` in the metric's unit.
        stage: place of the word in ``SLEEP``; -1 for numbers.
        local_text: the start as written.
    """

    line_no: NDArray[np.int64]
    head: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    created: NDArray[np.int64]
    has_created: NDArray[np.bool_]
    offset_min: NDArray[np.int64]
    zone: NDArray[np.int64]
    was_entered: NDArray[np.int64]
    number: NDArray[np.float64]
    canonical: NDArray[np.float64]
    stage: NDArray[np.int64]
    local_text: pa.StringArray


class Portions:
    """Gathers rows and writes them when there are enough."""

    def __init__(self, sink: Sink, heads: Heads, metadata: Metadata) -> None:
        self.sink, self.heads, self.metadata = sink, heads, metadata
        self._waiting: list[Rows] = []
        self._number = 0

    def add(self, rows: Rows) -> None:
        """Take in the rows of a block."""
        self._waiting.append(rows)
        self._number += len(rows.line_no)
        if self._number >= PORTION:
            self.write()

    def write(self) -> None:
        """Write what has been gathered."""
        if self._number:
            self.sink.write("wearable_sample", self._table(_joined(self._waiting)))
        self._waiting, self._number = [], 0

    def _table(self, rows: Rows) -> pa.Table:
        is_word = np.isnan(rows.number)
        has_zone = rows.zone > 0
        if has_zone.any():
            rows.offset_min[has_zone] = self.metadata.offsets(rows.zone[has_zone], rows.start[has_zone])
        entered = rows.was_entered == 1
        source_types = [*self.heads.columns["source_type"], "self_reported"]
        nothing = coded(np.zeros(len(rows.head), np.int64), [None])
        table = {
            "record_no": rows.line_no,
            "start_at": _time(rows.start),
            "end_at": _time(rows.end),
            "utc_offset_min": rows.offset_min,
            "time_zone": coded(rows.zone, self.metadata.zones),
            "tz_source": coded(has_zone.astype(np.int64), ["export_offset", "metadata"]),
            "local_text": rows.local_text,
            "value": pa.array(rows.canonical, mask=is_word),
            "value_text": coded(rows.stage, [*SLEEP.values(), None]),
            "value_src": pa.array(rows.number, mask=is_word),
            "censor": nothing,
            "subject": nothing,
            "source_type": coded(np.where(entered, len(source_types) - 1, rows.head), source_types),
            "is_user_entered": pa.array(entered, mask=rows.was_entered < 0),
            "recorded_at": _time(rows.created, ~rows.has_created),
        }
        for name in ("metric", "unit", "unit_src", "device_name", "device_model", "source_app"):
            table[name] = coded(rows.head, self.heads.columns[name])
        return pa.table(table)


def _joined(some: list[Rows]) -> Rows:
    if len(some) == 1:
        return some[0]
    columns = {one.name: [getattr(rows, one.name) for rows in some] for one in fields(Rows)}
    texts = columns.pop("local_text")
    return Rows(**{name: np.concatenate(parts) for name, parts in columns.items()}, local_text=pa.concat_arrays(texts))


def _time(microseconds: NDArray[np.int64], mask: NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(microseconds, mask=mask).cast(pa.timestamp("us"))

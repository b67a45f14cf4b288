"""What the records of an export have in common: type, unit, source and device, of which a file holds few.

Each combination is taken apart once, in Python, as ``sql`` takes a single record apart; a test holds both
together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wearables.apple_health.blocks import Block, Span
from wearables.apple_health.sql import ESCAPES
from wearables.apple_health.types import QUANTITIES
from wearables.metrics import METRICS, unit_table

Codes = NDArray[np.int64]
Head = tuple[str | None, str | None, str | None, str | None]
"""Type, source name, unit and device as written."""

COLUMNS = ("metric", "unit", "unit_src", "source_type", "device_name", "device_model", "source_app")


class Heads:
    """The heads of a file, numbered as they turn up; arrays by number say what they mean.

    Attributes:
        kinds: the record type as written.
        columns: texts of samples by name.
        likeness: the same for heads that differ in the device alone.
    """

    def __init__(self) -> None:
        self.kinds: list[str | None] = []
        self.columns: dict[str, list[str | None]] = {name: [] for name in COLUMNS}
        self.likeness: list[int] = []
        self._numbers: list[tuple[bool, bool, float, float, float, float]] = []
        self._array = np.empty((0, 6))
        self._known: dict[Head, int] = {}
        self._alike: dict[tuple[str | None, ...], int] = {}

    def of(self, block: Block, device: Span) -> Codes:
        """The number of each record's head; ``device`` is without what differs from record to record."""
        spans = (block.spans["type"], block.spans["sourceName"], block.spans["unit"], device)
        codes, texts = zip(*(_texts(block, span) for span in spans), strict=True)
        combined: Codes = codes[0]
        for other, names in zip(codes[1:], texts[1:], strict=True):
            combined = _dense(combined * len(names) + other)
        some = np.zeros(int(combined.max(initial=-1)) + 1, np.int64)
        some[combined] = np.arange(len(combined))
        parts = [[names[code] for code in found[some].tolist()] for found, names in zip(codes, texts, strict=True)]
        heads: list[Head] = list(zip(*parts, strict=True))
        return np.array([self._number(head) for head in heads], np.int64)[combined]

    def has_metric(self, codes: Codes) -> NDArray[np.bool_]:
        """The type is one of ours."""
        return self._column(0)[codes] > 0

    def is_category(self, codes: Codes) -> NDArray[np.bool_]:
        """The value is a word."""
        return self._column(1)[codes] > 0

    def alike(self, codes: Codes) -> Codes:
        """``likeness`` of each."""
        return np.array(self.likeness, np.int64)[codes]

    def canonical(self, codes: Codes, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values in canonical units; nan where the unit is unknown."""
        low, low_shift, high, high_shift = (self._column(place) for place in range(2, 6))
        return np.where(value <= 1.0, value * low[codes] + low_shift[codes], value * high[codes] + high_shift[codes])

    def _column(self, place: int) -> NDArray[np.float64]:
        """One of the numbers of all heads so far."""
        if len(self._array) != len(self._numbers):
            self._array = np.array(self._numbers, np.float64).reshape(-1, 6)
        return self._array[:, place]

    def _number(self, head: Head) -> int:
        if head not in self._known:
            kind, source, unit, device = head
            metric = QUANTITIES.get(kind or "")
            unit_src = _unescaped(unit)
            of_metric = _metrics()[metric] if metric else None
            low, high = (_units().get((metric, unit_src, side), (math.nan, math.nan)) for side in ("low", "high"))
            is_category = of_metric is not None and of_metric[1] == "category"
            self._known[head] = len(self.kinds)
            self._numbers.append((metric is not None, is_category, *low, *high))
            self.likeness.append(self._alike.setdefault(head[:3], len(self._alike)))
            self.kinds.append(kind)
            row = (metric, of_metric[0] if of_metric else None, unit_src, _source_type(source, device),
                   _tidy(_named(device, "name:")), _tidy(_named(device, "hardware:")), _tidy(source))  # fmt: skip
            for name, text in zip(COLUMNS, row, strict=True):
                self.columns[name].append(text)
        return self._known[head]


def coded(index: Codes, values: Sequence[str | None]) -> pa.DictionaryArray:
    """A column of texts by their places in a list, each text stored once."""
    texts = list(dict.fromkeys(one for one in values if one is not None))
    place = {text: number for number, text in enumerate(texts)}
    places = np.array([-1 if one is None else place[one] for one in values], np.int32)[index]
    mask = places < 0
    indices = pa.array(places, mask=mask) if mask.any() else pa.array(places)
    return pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string()))


def _texts(block: Block, span: Span) -> tuple[Codes, list[str | None]]:
    """A code per record and the text of each code; code 0 is for records without the attribute."""
    encoded = block.texts(span.start, span.end).dictionary_encode()
    codes = np.where(span.is_there, encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64) + 1, 0)
    return codes, [None, *encoded.dictionary.to_pylist()]


def _dense(codes: Codes) -> Codes:
    """The same codes without gaps, so that they can be combined with others."""
    return pa.array(codes).dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)


@cache
def _metrics() -> dict[str, tuple[str, str]]:
    return {one.name: (one.unit, one.kind) for one in METRICS}


@cache
def _units() -> dict[tuple[str | None, str | None, str], tuple[float, float]]:
    """(metric, unit, side) -> (factor, shift): ``low`` holds up to a value of 1 (fractions written as %)."""
    found = {}
    for row in unit_table().to_pylist():
        conversion = (row["factor"], row["shift"])
        if row["above"] == -math.inf:
            found[row["metric"], row["unit_src"], "low"] = conversion
        if row["upto"] == math.inf:
            found[row["metric"], row["unit_src"], "high"] = conversion
    return found


def _source_type(source: str | None, device: str | None) -> str:
    for text in (device or "", source or ""):
        for word, kind in (("Watch", "watch"), ("iPhone", "phone")):
            if word in text:
                return kind
    return "app"


def _named(device: str | None, name: str) -> str | None:
    """What stands behind a name in a device, up to the next comma."""
    if device is None or name not in device:
        return None
    return device.split(name)[1].split(", ")[0].split("&gt;")[0] or None


def _unescaped(text: str | None) -> str | None:
    if text is None or "&" not in text:
        return text
    for written, meant in ESCAPES:
        text = text.replace(written, meant)
    return text


def _tidy(text: str | None) -> str | None:
    text = _unescaped(text)
    return None if text is None else text.replace("\u00a0", " ").strip(" ")

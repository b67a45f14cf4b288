"""The bulk of an activity's FIT file, its ``record`` messages, in columns; everything else is left to fitdecode.

One pass over the headers says where each message stands; the fields of all records with one definition are then read at
once. What is left, a few dozen messages, becomes a small FIT file of its own, so that names, enumerations, developer
fields and units of everything but ``record`` are fitdecode's. A file that is in any way unusual is given back (None),
and fitdecode reads, or refuses, all of it.

Source: FIT protocol and profile (Garmin); the scales below are those of the profile's ``record`` message.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

RECORD, MONITORING, FIELD_DESCRIPTION = 20, 55, 206
KEPT = frozenset({0, 18, 30, 34, 51, 55, 103, 206, 207, 211, 269, 275, 297, 305, 306, 308})
"""Messages that fitdecode reads: what the reader uses, and what describes developer fields."""

_TIMESTAMP = 253
_SYSTEM_TIME = 0x10000000
"""Below it a date_time counts seconds since the device was switched on, and is no time."""

# field of record -> (name, scale, offset): value = raw / scale - offset
FIELDS: dict[int, tuple[str, float, float]] = {
    2: ("altitude", 5, 500),
    3: ("heart_rate", 1, 0),
    4: ("cadence", 1, 0),
    5: ("distance", 100, 0),
    6: ("speed", 1000, 0),
    7: ("power", 1, 0),
    13: ("temperature", 1, 0),
    73: ("enhanced_speed", 1000, 0),
    78: ("enhanced_altitude", 5, 500),
    99: ("respiration_rate", 1, 0),
    108: ("enhanced_respiration_rate", 100, 0),
}
_NAMES = frozenset(name for name, _, _ in FIELDS.values()) | {"timestamp"}
_SPEED_AND_DISTANCE = 8
"""Two numbers in three bytes, one of which runs on from record to record."""

# base type -> (numpy type, value that means none)
_BASE: dict[int, tuple[str, float]] = {
    0x00: ("u1", 0xFF),
    0x01: ("i1", 0x7F),
    0x02: ("u1", 0xFF),
    0x83: ("i2", 0x7FFF),
    0x84: ("u2", 0xFFFF),
    0x85: ("i4", 0x7FFFFFFF),
    0x86: ("u4", 0xFFFFFFFF),
    0x88: ("f4", float("nan")),
    0x89: ("f8", float("nan")),
    0x0A: ("u1", 0),
    0x8B: ("u2", 0),
    0x8C: ("u4", 0),
}


@dataclass
class _Definition:
    """What a local message type means, and where the messages of it stand."""

    number: int
    order: str
    size: int
    fields: list[tuple[int, int, int, int]]
    """(field, offset, size, base type) of each field."""
    text: bytes
    starts: list[int] = field(default_factory=list)
    ordinals: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Scan:
    """An activity's file.

    Attributes:
        messages: data messages in the file.
        ordinal: of each record, counted over all messages from 1.
        seconds: of each record, since FIT's zero; nan where it has no time.
        values: of each record by field name; nan where the device did not know.
        rest: a FIT file (without valid checksums) of the messages in ``KEPT``.
        rest_ordinals: where those stand in the file, counted from 1.
        ignored: messages that are neither, by number.
    """

    messages: int
    ordinal: NDArray[np.int64]
    seconds: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]]
    rest: bytes
    rest_ordinals: list[int]
    ignored: Counter[int]


def scan(data: bytes) -> Scan | None:
    """Read an activity's file; None where fitdecode should read it all."""
    definitions: list[_Definition] = []
    rest: list[bytes] = []
    rest_ordinals: list[int] = []
    at = count = 0
    while at < len(data):
        part = _part(data, at)
        if part is None:
            return None
        begin, end = part
        pieces: list[bytes] = []
        walked = _walk(data, begin, end, count, definitions, pieces, rest_ordinals)
        if walked is None:
            return None
        count = walked
        body = b"".join(pieces)
        rest.append(struct.pack("<BBHI4s", 12, 0x10, 0, len(body), b".FIT") + body + b"\0\0")
        at = end + 2
    records = [one for one in definitions if one.number == RECORD and one.starts]
    if not records or not _is_usual(data, definitions):
        return None
    columns = [_columns(data, one) for one in records]
    order = np.argsort(np.concatenate([np.array(one.ordinals) for one in records]))
    names = sorted({name for found in columns for name in found})
    values = {
        name: np.concatenate(
            [found.get(name, np.full(len(one.starts), np.nan)) for found, one in zip(columns, records, strict=True)]
        )[order]
        for name in {*names, "timestamp"}
    }
    seconds = values.pop("timestamp")
    seconds = np.where(seconds >= _SYSTEM_TIME, seconds, np.nan)
    ignored: Counter[int] = Counter()
    for one in definitions:
        if one.number != RECORD and one.number not in KEPT:
            ignored[one.number] += len(one.starts)
    ordinal = np.concatenate([np.array(one.ordinals) for one in records])[order]
    return Scan(count, ordinal, seconds, values, b"".join(rest), rest_ordinals, ignored)


def _part(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the messages of a file, or of a part of a chain, begin and end; None unless header and checksums hold."""
    if len(data) - at < 14 or data[at] not in (12, 14) or data[at + 8 : at + 12] != b".FIT":
        return None
    begin = at + data[at]
    end = begin + int.from_bytes(data[at + 4 : at + 8], "little")
    if end + 2 > len(data):
        return None
    if data[at] == 14:
        stated = int.from_bytes(data[at + 12 : at + 14], "little")
        if stated and stated != checksum(data[at : at + 12]):
            return None
    if checksum(data[at:end]) != int.from_bytes(data[end : end + 2], "little"):
        return None
    return begin, end


def _walk(
    data: bytes,
    at: int,
    end: int,
    count: int,
    definitions: list[_Definition],
    pieces: list[bytes],
    rest_ordinals: list[int],
) -> int | None:
    """Note where the messages stand; returns how many there are so far. Compressed headers are not for us."""
    local: list[_Definition | None] = [None] * 16
    while at < end:
        header = data[at]
        if header & 0x80:
            return None
        if header & 0x40:
            definition = _defined(data, at, end)
            if definition is None:
                return None
            local[header & 15] = definition
            definitions.append(definition)
            if definition.number in KEPT:
                pieces.append(definition.text)
            at += len(definition.text)
            continue
        found = local[header & 15]
        if found is None:
            return None
        count += 1
        found.starts.append(at + 1)
        found.ordinals.append(count)
        if found.number in KEPT:
            pieces.append(data[at : at + 1 + found.size])
            rest_ordinals.append(count)
        at += 1 + found.size
    return count if at == end else None


def _defined(data: bytes, at: int, end: int) -> _Definition | None:
    if at + 6 > end:
        return None
    order = ">" if data[at + 2] else "<"
    number = int.from_bytes(data[at + 3 : at + 5], "big" if data[at + 2] else "little")
    stop = at + 6 + 3 * data[at + 5]
    fields, offset = [], 0
    for place in range(at + 6, stop, 3):
        fields.append((data[place], offset, data[place + 1], data[place + 2]))
        offset += data[place + 1]
    if data[at] & 0x20:  # developer fields follow
        if stop >= end:
            return None
        developer = stop + 1 + 3 * data[stop]
        if developer > end:
            return None
        offset += sum(data[place + 1] for place in range(stop + 1, developer, 3))
        stop = developer
    return None if stop > end else _Definition(number, order, offset, fields, data[at:stop])


def _is_usual(data: bytes, definitions: list[_Definition]) -> bool:
    """Nothing in the file makes a record mean more than its own fields."""
    for one in definitions:
        if one.number == MONITORING and one.starts:
            return False
        if one.number == RECORD and any(number == _SPEED_AND_DISTANCE for number, *_ in one.fields):
            return False
        if one.number == FIELD_DESCRIPTION:
            for number, offset, size, _ in one.fields:
                texts = [data[start + offset : start + offset + size] for start in one.starts] if number == 3 else []
                if any(text.split(b"\0")[0].decode("utf-8", "replace") in _NAMES for text in texts):
                    return False
    return True


def _columns(data: bytes, definition: _Definition) -> dict[str, NDArray[np.float64]]:
    """The fields of all records of a definition."""
    whole = np.frombuffer(data, np.uint8)
    starts = np.array(definition.starts)
    found = {}
    for number, offset, size, base in definition.fields:
        name, scale, shift = ("timestamp", 1.0, 0.0) if number == _TIMESTAMP else FIELDS.get(number, ("", 1.0, 0.0))
        kind, none = _BASE.get(base, ("", 0.0))
        if not name or not kind or np.dtype(kind).itemsize != size:
            continue
        raw = whole[starts[:, None] + (offset + np.arange(size))].view(definition.order + kind)[:, 0].astype(np.float64)
        found[name] = np.where(raw == none, np.nan, raw / scale - shift)
    return found


@cache
def _table() -> list[int]:
    """CRC-16 of each byte: polynomial 0x8005 reflected, as FIT's."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
        table.append(value)
    return table


def checksum(data: bytes) -> int:
    """FIT's CRC-16 of bytes: many lanes at once, each as long as there are lanes, then put together.

    The checksum is linear: that of two pieces is that of the first followed by as many zeros as the second is long,
    exclusive-or that of the second.
    """
    table = np.array(_table(), np.uint16)
    length = max(1, int(len(data) ** 0.5))
    lanes = len(data) // length
    whole = np.frombuffer(data, np.uint8, lanes * length).reshape(lanes, length)
    values = np.zeros(lanes, np.uint16)
    for column in np.ascontiguousarray(whole.T):
        values = values >> 8 ^ table[(values ^ column) & 0xFF]
    # what `length` zeros make of each half of a checksum
    halves = np.concatenate([np.arange(256, dtype=np.uint16), np.arange(256, dtype=np.uint16) << 8])
    for _ in range(length):
        halves = halves >> 8 ^ table[halves & 0xFF]
    low, high = halves[:256].tolist(), halves[256:].tolist()
    total = 0
    for value in values.tolist():
        total = low[total & 0xFF] ^ high[total >> 8] ^ value
    steps = _table()
    for byte in data[lanes * length :]:
        total = total >> 8 ^ steps[(total ^ byte) & 0xFF]
    return total

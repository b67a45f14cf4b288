"""A minimal FIT encoder: local message definitions, data records, and the two checksums (FIT protocol 2.0)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

FIT_EPOCH = np.datetime64("1989-12-31T00:00:00", "s")
_TYPES = {
    "enum": (0x00, "u1"),
    "uint8": (0x02, "u1"),
    "uint16": (0x84, "<u2"),
    "uint32": (0x86, "<u4"),
    "uint32z": (0x8C, "<u4"),
}
_CRC = (0x0000, 0xCC01, 0xD801, 0x1400, 0xF001, 0x3C00, 0x2800, 0xE401, 0xA001, 0x6C00, 0x7800, 0xB401, 0x5000, 0x9C01,
        0x8801, 0x4400)  # fmt: skip


@dataclass(frozen=True)
class Message:
    """Records of one message: global number, and (field number, base type, values) in order."""

    number: int
    fields: tuple[tuple[int, str, object], ...]


def seconds(utc: np.ndarray | np.datetime64) -> np.ndarray:
    """UTC times as FIT timestamps."""
    return np.asarray((np.asarray(utc).astype("datetime64[s]") - FIT_EPOCH).astype(np.int64))


def encode(messages: list[Message]) -> bytes:
    """Encode messages, each with a definition of its own under local type 0."""
    body = b"".join(_message(message) for message in messages)
    head = struct.pack("<BBHI4s", 14, 0x20, 2132, len(body), b".FIT")
    data = head + struct.pack("<H", _crc(head)) + body
    return data + struct.pack("<H", _crc(data))


def _message(message: Message) -> bytes:
    columns = [np.atleast_1d(np.asarray(values)) for _, _, values in message.fields]
    rows = max(len(column) for column in columns)
    definition = struct.pack("<BBBHB", 0x40, 0, 0, message.number, len(message.fields))
    kinds = [("header", "u1")]
    for number, base, _ in message.fields:
        code, kind = _TYPES[base]
        definition += struct.pack("<BBB", number, np.dtype(kind).itemsize, code)
        kinds.append((f"f{number}", kind))
    data = np.zeros(rows, dtype=np.dtype(kinds))
    for (number, _, _), column in zip(message.fields, columns, strict=True):
        data[f"f{number}"] = column
    return definition + data.tobytes()


def _crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        for nibble in (byte & 0xF, byte >> 4):
            crc = ((crc >> 4) & 0x0FFF) ^ _CRC[crc & 0xF] ^ _CRC[nibble]
    return crc

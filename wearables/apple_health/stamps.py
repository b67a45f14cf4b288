"""Apple's time stamps (``2018-09-10 02:28:55 -0700``) to UTC, for whole columns of positions in a text.

Each stamp is read as three numbers of eight bytes and one byte; taking away what a stamp of zeros would be leaves its
digits, and anything else shows as a byte above nine. What is not exactly of this form is judged elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from wearables.apple_health.blocks import Block, Span, word

_FIRST_YEAR, _LAST_YEAR = 1990, 2150
LENGTH = 25
_ZEROS = (word(b"0000-00-"), word(b"00 00:00"), word(b":00 +000"))
_SEPARATORS = tuple(np.uint64(sum(0xFF << 8 * place for place in places)) for places in ((4, 7), (2, 5), (0, 3)))
_SIGN = np.uint64(32)
_CARRY, _HIGH = np.uint64(0x7676767676767676), np.uint64(0x8080808080808080)
_BYTE = np.uint64(0xFF)
_US = 1_000_000


def _calendar() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Days since 1970 of the first of each month from 1990 on, and the length of the month."""
    firsts = [date(year, month, 1) for year in range(_FIRST_YEAR, _LAST_YEAR) for month in range(1, 13)]
    following = [*firsts[1:], date(_LAST_YEAR, 1, 1)]
    epoch = date(1970, 1, 1)
    return (
        np.array([(one - epoch).days for one in firsts], np.int64),
        np.array([(after - one) // timedelta(days=1) for one, after in zip(firsts, following, strict=True)], np.int64),
    )


_MONTH_STARTS, _MONTH_DAYS = _calendar()


@dataclass(frozen=True)
class Stamps:
    """A column of stamps: microseconds since 1970 in UTC, the offset in minutes, and whether they can be relied on."""

    utc: NDArray[np.int64]
    offset_min: NDArray[np.int64]
    is_sure: NDArray[np.bool_]


def stamps(block: Block, span: Span) -> Stamps:
    """Read the stamps of a span; what is absent or otherwise written is not sure, and its time means nothing."""
    at = np.minimum(span.start, len(block.words) - LENGTH) if len(block.words) >= LENGTH else span.start * 0
    parts = [block.words[at + 8 * part] - zeros for part, zeros in enumerate(_ZEROS)]
    sign = (parts[2] >> _SIGN) & _BYTE
    parts[2] = parts[2] & ~(_BYTE << _SIGN)
    units = block.bytes[at + 24] - np.uint8(ord("0"))
    wrong = (sign & np.uint64(0xFD)) | (units > 9)  # '-' follows two after '+'
    for part, separators in zip(parts, _SEPARATORS, strict=True):
        wrong |= (part & separators) | (((part + _CARRY) | part) & _HIGH)
    # each byte becomes ten times its digit and the next one: a pair of digits where a pair begins
    pairs = [(part * np.uint64(10) + (part >> np.uint64(8))).view(np.int64) for part in parts]

    def pair(part: int, place: int) -> NDArray[np.int64]:
        return (pairs[part] >> (8 * place)) & 0xFF if place else pairs[part] & 0xFF

    year_month = (pair(0, 0) * 100 + pair(0, 2) - _FIRST_YEAR) * 12 + pair(0, 5) - 1
    day, hour, minute, second = pair(1, 0), pair(1, 3), pair(1, 6), pair(2, 1)
    zone_hour, zone_minute = pair(2, 5), (parts[2] >> np.uint64(56)).view(np.int64) * 10 + units
    month = pair(0, 5)
    index = np.where((year_month >= 0) & (year_month < len(_MONTH_STARTS)), year_month, 0)
    sure = span.is_there & (span.end - span.start == LENGTH) & (wrong == 0) & (index == year_month)
    sure &= (month >= 1) & (month <= 12) & (day >= 1) & (day <= _MONTH_DAYS[index])
    sure &= (hour <= 23) & (minute <= 59) & (second <= 59) & (zone_hour <= 18) & (zone_minute <= 59)
    offset = zone_hour * 60 + zone_minute
    offset *= 1 - sign.view(np.int64)  # 0 is east, 2 is west
    seconds = (_MONTH_STARTS[index] + day - 1) * 86_400 + hour * 3600 + (minute - offset) * 60 + second
    return Stamps(seconds * _US, offset, sure)

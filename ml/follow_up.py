"""Who was followed for how long, and how it ended: the columns of a survival table as people bring them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.equations.table import UNKNOWN

Floats = NDArray[np.float64]
Meaning = Literal["censored", "event", "competing", 0, 1, 2]
MEANINGS: dict[Meaning, int] = {"censored": 0, "event": 1, "competing": 2, 0: 0, 1: 1, 2: 2}
_FEW_LEVELS = 5
"""Different texts up to which a column is a category, whose values name nobody."""
_NEXT_DAY = 1.0
"""Days between the end of a row and the start of the one that continues it: closed intervals leave one day between."""


class BadCohort(ValueError):
    """The table or its spec cannot be evaluated; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class FollowUp:
    """Of every row of a table (n,).

    Attributes:
        time: days from entry to the end. event: 0 censored, 1 event, 2 competing.
        kept: rows that can be used. dropped: why the others cannot, and how many.
    """

    time: Floats
    event: NDArray[np.int64]
    kept: NDArray[np.bool_]
    dropped: dict[str, int]


def follow_up(
    found: pa.Table,
    time_column: str,
    event_column: str,
    *,
    codes: Mapping[str | int | float | bool, Meaning] | None = None,
    entry_column: str | None = None,
    person: NDArray[np.int64] | None = None,
    days: float = 1.0,
) -> FollowUp:
    """Read time and event of every row.

    Args:
        codes: what the values of the event column mean; without them they are 0, 1 and 2 themselves.
        entry_column: when a row comes under observation, on the clock of the time column, both numbers or both dates.
        person: whose row it is (n,). A row that starts where another of the same person ends without an event, or the
            day after, continues it: the follow-up of the earlier one lasts until the last of them ends.
        days: length of the unit of time; dates count in days.

    Raises:
        BadCohort: event codes without a meaning, dates without an entry, nobody left, or nobody with the event.
    """
    stop, is_dated = moments(found, time_column)
    if entry_column is None and is_dated:
        raise BadCohort(
            f"{time_column} is a date, from which nothing can be counted: name the column of the date of entry under"
            " entry, or make the days between them under derive"
        )
    start = np.zeros(len(stop))
    if entry_column is not None:
        start, is_entry_dated = moments(found, entry_column)
        if is_entry_dated != is_dated:
            raise BadCohort(f"{entry_column} and {time_column} must both be dates or both be numbers")
    unit = 1.0 if is_dated else days
    start, stop = start * unit, stop * unit
    event = _events(found, event_column, codes)
    unknown = ~np.isfinite(start) | ~np.isfinite(stop) | ~np.isfinite(event)
    time, ended = stop - start, np.where(unknown, 0, event).astype(np.int64)
    if person is not None and entry_column is not None:
        rows = np.flatnonzero(~unknown)
        time[rows], ended[rows] = _continued(start[rows], stop[rows], ended[rows], person[rows])
    not_after = ~unknown & (time <= 0)
    kept = ~unknown & ~not_after
    what = "time not above 0" if entry_column is None else f"{time_column} not after {entry_column}"
    dropped = {"time or event unknown": int(unknown.sum()), f"no follow-up ({what})": int(not_after.sum())}
    if not kept.any():
        raise BadCohort(f"nobody is left: no row has an {event_column} and follow-up ({what})")
    if not (ended[kept] == 1).any():
        raise BadCohort(f"nobody has the event: {event_column} is never 1, there is nothing to learn or to judge")
    return FollowUp(time, ended, kept, {why: n for why, n in dropped.items() if n})


def _continued(
    start: Floats, stop: Floats, event: NDArray[np.int64], person: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.int64]]:
    """Return time from each row's start, and event, at the end of the last row that continues it."""
    order = np.lexsort((stop, start, person))
    gap = start[order][1:] - stop[order][:-1]
    same = (person[order][1:] == person[order][:-1]) & (event[order][:-1] == 0)
    ends = np.flatnonzero(np.append(~(same & (gap >= -1e-9) & (gap <= _NEXT_DAY + 1e-9)), True))
    last = order[ends[np.searchsorted(ends, np.arange(len(order)))]]
    time, ended = np.empty(len(order)), np.empty(len(order), np.int64)
    time[order], ended[order] = stop[last] - start[order], event[last]
    return time, ended


def _events(found: pa.Table, name: str, codes: Mapping[str | int | float | bool, Meaning] | None) -> Floats:
    """Return 0, 1 or 2 of every row, NaN where unknown."""
    numbers = as_numbers(column(found, name))
    if codes is not None:
        given = column(found, name).cast(pa.string()) if numbers is None else pa.array(numbers, from_pandas=True)
        seen = given.to_pandas().map(_key, na_action="ignore")
        meant = {_key(value): float(MEANINGS[meaning]) for value, meaning in codes.items()}
        if strange := sorted(set(seen.dropna()) - set(meant)):
            raise BadCohort(f"{name} holds {', '.join(strange[:_FEW_LEVELS])}, which event_codes does not name")
        return np.asarray(seen.map(meant).to_numpy(float))
    if numbers is None:
        raise BadCohort(
            f"{_not_numbers(found, name)}; say what they mean with event_codes, such as"
            f" {{{_levels(found, name)[-1]}: event, …}}"
        )
    known = set(numbers[np.isfinite(numbers)])
    if strange := sorted(known - {0.0, 1.0, 2.0}):
        raise BadCohort(
            f"{name} holds {', '.join(f'{one:g}' for one in strange[:_FEW_LEVELS])}; it must be 0 censored, 1 event,"
            " 2 competing event, or event_codes says what means what"
        )
    if known == {1.0, 2.0}:
        raise BadCohort(
            f"{name} is always 1 or 2, and never 0: in many tables 1 then means censored and 2 the event. Say what"
            " means what with event_codes: {1: censored, 2: event} or {1: event, 2: competing}, or --event-code"
        )
    return numbers


def _key(value: object) -> str:
    """A value of an event column as it is written, whatever its type."""
    if isinstance(value, bool | int | float):
        return f"{float(value):g}"
    text = str(value).strip().lower()
    try:
        return f"{float(text):g}"
    except ValueError:
        return {"true": "1", "false": "0"}.get(text, text)


def column(found: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a column of a table, or say which there are."""
    if name not in found.column_names:
        raise BadCohort(f"there is no column {name!r}; the table has {', '.join(found.column_names)}")
    return found.column(name)


def moments(found: pa.Table, name: str) -> tuple[Floats, bool]:
    """Return a column of numbers or of dates (n,), dates as days, NaN where unknown; and whether they are dates."""
    given = column(found, name)
    if not pa.types.is_temporal(given.type) or pa.types.is_duration(given.type) or pa.types.is_time(given.type):
        return numeric(found, name), False
    at = given.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False).astype("datetime64[us]")
    days = (at - np.datetime64("1970-01-01", "us")) / np.timedelta64(1, "D")
    return np.asarray(days, float), True


def numeric(found: pa.Table, name: str) -> Floats:
    """Return a column as numbers (n,), NaN where unknown."""
    values = as_numbers(column(found, name))
    if values is None:
        levels = _levels(found, name)
        how = f"({name} = '{levels[-1]}')::int" if len(levels) <= _FEW_LEVELS else f"try_cast({name} as double)"
        raise BadCohort(f"{_not_numbers(found, name)}; a spec makes them under derive, such as {how}")
    return values


def _not_numbers(found: pa.Table, name: str) -> str:
    levels = _levels(found, name)
    return f"{name} must be numbers" + (f", and holds {', '.join(levels)}" if len(levels) <= _FEW_LEVELS else "")


def _levels(found: pa.Table, name: str) -> list[str]:
    return sorted(column(found, name).cast(pa.string()).drop_null().unique().to_pylist())


def as_numbers(given: pa.ChunkedArray) -> Floats | None:
    """Return a column as floats (n,), or None where some value is no number."""
    kind = given.type
    if pa.types.is_dictionary(kind):
        given = given.cast(kind.value_type)
        kind = given.type
    if pa.types.is_null(kind):
        return np.full(len(given), np.nan)
    if (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        return np.asarray(given.cast(pa.float64()).to_numpy(zero_copy_only=False), float)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return None
    plain = given.to_pandas().str.strip().str.lower()
    plain = plain.replace(dict.fromkeys(UNKNOWN)).replace({"true": "1", "false": "0"})
    try:
        return plain.astype(float).to_numpy()
    except (ValueError, TypeError):
        return None

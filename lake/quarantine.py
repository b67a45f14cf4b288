"""Quarantine: nothing is dropped silently. Every rejected row keeps its file, position, reason and text."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from lake.tables import table

MAX_TEXT = 2_000
"""Characters of the offending text that are kept."""

QUARANTINE = table(
    "quarantine",
    "One row per rejected record of a landed file.",
    position=pa.string(),
    record_no=pa.int64(),
    target_table=pa.string(),
    reason=pa.string(),
    detail=pa.string(),
    text=pa.string(),
)


class BadFile(Exception):
    """A whole file cannot be used. ``reason`` is a short lower-snake word, ``detail`` says what to do about it.

    ``detail`` never holds values of people; it may be shown and logged.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Rejected:
    """One rejected record.

    Attributes:
        position: where it is, as a person would look it up: ``"line 12"``, ``"export.xml, record 7"``.
        reason: lower-snake word, such as ``invalid_json``; what ``twin status`` groups by.
        detail: what was wrong and what was expected, without the values of people.
        record_no: its ordinal in the file, where it has one.
        target_table: the raw table it was meant for, where known.
        text: the offending text; kept in quarantine only, never logged.
    """

    position: str
    reason: str
    detail: str
    record_no: int | None = None
    target_table: str | None = None
    text: str | None = None


def as_arrow(rejected: list[Rejected]) -> pa.Table:
    """Turn rejected records into the quarantine table's Arrow form."""
    return pa.table(
        {
            "position": [one.position for one in rejected],
            "record_no": [one.record_no for one in rejected],
            "target_table": [one.target_table for one in rejected],
            "reason": [one.reason for one in rejected],
            "detail": [one.detail for one in rejected],
            "text": [one.text[:MAX_TEXT] if one.text is not None else None for one in rejected],
        },
        schema=QUARANTINE.schema,
    )

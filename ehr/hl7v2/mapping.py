"""The declared mapping of HL7 v2 segments to raw tables: read once, checked, and turned into tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from lake.files import read_yaml
from lake.tables import Table

ALSO = {"hl7v2_medication": ("segment_name",), "hl7v2_allergy": ("segment_name",), "hl7v2_condition": ("segment_name",)}
"""Tables that several kinds of segments fill say which kind a row is."""


class Leaf(NamedTuple):
    """Where a value stands in its segment; all ordinals from 1."""

    field: int
    component: int
    subcomponent: int


class _Segment(BaseModel):
    model_config = ConfigDict(extra="forbid")
    columns: dict[str, str]
    repeat: int | None = None
    required: list[str] = Field(default_factory=list)
    messages: list[str] = Field(default_factory=list)
    not_messages: list[str] = Field(default_factory=list)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")
    description: str
    segments: dict[str, _Segment]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")
    why: str
    fields: list[str]
    value_type: list[str] = Field(default_factory=list)


class _Mapping(BaseModel):
    model_config = ConfigDict(extra="forbid")
    tables: dict[str, _Table]
    ignored: dict[str, _Rule]


@dataclass(frozen=True)
class Part:
    """How one kind of segment fills one raw table.

    Attributes:
        messages: only segments of messages with these codes (MSH-9.1); empty: of all but ``not_messages``.
        repeat: field whose repetitions make rows of their own.
        required: each a set of alternatives, one of which must be there.
    """

    table: str
    segment: str
    columns: dict[str, Leaf]
    repeat: int | None
    required: tuple[tuple[str, tuple[Leaf, ...]], ...]
    messages: tuple[str, ...]
    not_messages: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """Values that are left out by rule; ``component`` None means the whole field."""

    name: str
    why: str
    segment: str
    field: int
    component: int | None
    value_types: tuple[str, ...]


def path(text: str) -> Leaf:
    """Read ``"5.1.1"``."""
    numbers = [int(one) for one in text.split(".")]
    return Leaf(*[*numbers, 1, 1][:3])


@cache
def _mapping() -> _Mapping:
    return _Mapping.model_validate(read_yaml(Path(__file__).with_name("mapping.yaml")))


@cache
def parts() -> tuple[Part, ...]:
    """Every part of the mapping."""
    return tuple(
        Part(
            table=name,
            segment=segment,
            columns={column: path(text) for column, text in spec.columns.items()},
            repeat=spec.repeat,
            required=tuple((text, tuple(map(path, text.split("|")))) for text in spec.required),
            messages=tuple(spec.messages),
            not_messages=tuple(spec.not_messages),
        )
        for name, one in _mapping().tables.items()
        for segment, spec in one.segments.items()
    )


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule by which values are left out."""
    found = []
    for name, one in _mapping().ignored.items():
        for text in one.fields:
            segment, _, place = text.partition("-")
            field, _, component = place.partition(".")
            found.append(
                Rule(name, one.why, segment, int(field), int(component) if component else None, tuple(one.value_type))
            )
    return tuple(found)


def columns(table: str) -> list[str]:
    """The columns of a table that come from its own segments, in the order in which the mapping names them."""
    seen: dict[str, None] = {}
    for part in parts():
        if part.table == table:
            seen.update(dict.fromkeys(part.columns))
    return list(seen)


def mapped_tables(context: dict[str, tuple[str, ...]]) -> list[Table]:
    """The raw tables of the mapping: place and message, what surrounds the segment, then its own values as text."""
    return [
        Table(
            name,
            one.description,
            pa.schema(
                [
                    pa.field("record_no", pa.int64()),
                    pa.field("message_no", pa.int64()),
                    *([pa.field("repetition_no", pa.int64())] if _repeats(name) else []),
                    *(
                        pa.field(column, pa.string())
                        for column in (*context[name], *ALSO.get(name, ()), *columns(name))
                    ),
                ]
            ),
        )
        for name, one in _mapping().tables.items()
    ]


def _repeats(table: str) -> bool:
    return any(part.repeat for part in parts() if part.table == table)

"""FHIR's own types, and the pruned DuckDB struct that holds just the elements a view reads."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ehr.fhir.errors import CompileError

INTEGERS = frozenset({"integer", "positiveInt", "unsignedInt", "integer64"})
DATES = frozenset({"date", "dateTime", "instant"})
ABSENT = "(absent)"
"""The type of an element that is not expected to occur."""
_SQL_TYPES = {
    "boolean": "BOOLEAN",
    "decimal": "DOUBLE",
    **dict.fromkeys(INTEGERS, "BIGINT"),
    ABSENT: "ENUM('\x7f')",  # no JSON value but null can be read as this: the reader stops at any other
}


@dataclass(frozen=True)
class Element:
    """An element of a FHIR type: its type and whether it repeats; a choice element lists its ``choices``."""

    type: str
    many: bool = False
    choices: tuple[str, ...] = ()


@cache
def _types() -> dict[str, dict[str, str | list[str]]]:
    table = json.loads(Path(__file__).with_name("types.json").read_text(encoding="utf-8"))
    types: dict[str, dict[str, str | list[str]]] = table["types"]
    return types


def is_complex(type_name: str) -> bool:
    """Return whether a type has elements of its own."""
    return type_name in _types() or type_name == "Resource"


def is_resource(type_name: str) -> bool:
    """Return whether a type is a resource type."""
    return "implicitRules" in _types().get(type_name, {})


def is_type(type_name: str) -> bool:
    """Return whether FHIR has a type of this name, primitive or not."""
    return is_complex(type_name) or type_name in _primitives()


@cache
def _primitives() -> frozenset[str]:
    named = (kind for elements in _types().values() for value in elements.values() for kind in _listed(value))
    return frozenset(kind.rstrip("*") for kind in named if kind.rstrip("*") not in _types())


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def element(type_name: str, name: str) -> Element | None:
    """Look up an element of a type; ``None`` when FHIR R4 has none of this name."""
    elements = _types().get(type_name, {})
    plain = elements.get(name)
    if isinstance(plain, str):
        return Element(plain.rstrip("*"), plain.endswith("*"))
    choices = elements.get(f"{name}[x]")
    if isinstance(choices, list):
        return Element("choice", False, tuple(choices))
    if name == "id" and type_name == "Resource":
        return Element("id")
    return None


def sql_type(type_name: str) -> str:
    """Return the DuckDB type of a FHIR type; complex values are JSON."""
    return "JSON" if is_complex(type_name) else _SQL_TYPES.get(type_name, "VARCHAR")


@dataclass
class Shape:
    """The part of an element that a view reads; grows while the view is compiled."""

    type: str
    many: bool = False
    children: dict[str, Shape] = field(default_factory=dict)
    as_json: bool = False
    """The element is handed on whole, as JSON, and must not be opened as a struct as well."""
    absent: frozenset[str] = frozenset()
    """Names of elements that the source is believed not to hold, here and below: they are empty, and cost nothing."""

    def child(self, name: str, type_name: str, many: bool) -> Shape:
        """Return the shape of a child, adding it.

        Raises:
            CompileError: the same JSON key is read with two different types (possible in ``contained`` only).
        """
        known = self.children.setdefault(name, Shape(type_name, many, absent=self.absent))
        if (sql_type(known.type), known.many) != (sql_type(type_name), many):
            raise CompileError(f"element {name!r} is read as {known.type} and as {type_name} in one view")
        if self.as_json:
            raise CompileError(f"{self.type} is used whole and opened in one view; split the view in two")
        return known

    def leave_out(self, name: str) -> None:
        """Read an element so that any value of it is an error of the reader."""
        self.children.setdefault(name, Shape(ABSENT))

    @property
    def is_left_out(self) -> bool:
        """Whether nothing of the element is expected to occur."""
        return self.type == ABSENT or (bool(self.children) and all(one.is_left_out for one in self.children.values()))

    @property
    def names(self) -> frozenset[str]:
        """The names of all elements that are read, at any depth."""
        return frozenset(self.children).union(*(one.names for one in self.children.values()))

    def link(self, other: Shape) -> None:
        """Read the same elements of both from now on, so that values of both have one DuckDB type."""
        if other.children is self.children:
            return
        for name, theirs in other.children.items():
            ours = self.children.setdefault(name, theirs)
            if ours is not theirs:
                ours.link(theirs)
        other.children = self.children

    @property
    def sql_type(self) -> str:
        """The DuckDB type that reads it."""
        if self.children:
            kind = "STRUCT(" + ", ".join(f'"{name}" {one.sql_type}' for name, one in self.children.items()) + ")"
        else:
            kind = sql_type(self.type)
        return f"{kind}[]" if self.many else kind

    @property
    def structure(self) -> object:
        """The same as a structure for DuckDB's ``from_json``."""
        kind: object = {name: one.structure for name, one in self.children.items()} or sql_type(self.type)
        return [kind] if self.many else kind

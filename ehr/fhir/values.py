"""What a FHIRPath expression is while it is compiled: a SQL text with a FHIR type, scalar or list."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from itertools import count

from ehr.fhir.errors import CompileError
from ehr.fhir.schema import DATES, INTEGERS, Element, Shape, element, is_complex, sql_type
from lake.sql import literal


class _Names(threading.local):
    """The counter behind ``fresh``, one per thread: small files are read side by side."""

    def __init__(self) -> None:
        self.numbers = count(1)


_names = _Names()


def start_names() -> None:
    """Start a new statement: the same view gives the same SQL text."""
    _names.numbers = count(1)


def fresh(prefix: str) -> str:
    """Return a name no other part of the statement uses."""
    return f"_{prefix}{next(_names.numbers)}"


def quote(text: str) -> str:
    """Write a SQL string literal.

    Raises:
        CompileError: control characters below a tab, which mark placeholders in compiled SQL.
    """
    if any(ord(character) < 9 for character in text):
        raise CompileError("control characters are not allowed in a ViewDefinition")
    return literal(text)


@dataclass(frozen=True)
class Value:
    """A compiled expression.

    Attributes:
        sql: SQL text. An empty scalar is NULL, an empty list NULL or ``[]``; ``""`` is the resource itself.
        type: FHIR type name; ``None`` when FHIR R4 does not know the element (its value is always empty).
        many: it is a list.
        shape: what is read of a complex value.
        choice: the element name and types, for ``value`` of ``value[x]`` before ``ofType``.
        guard: a condition on the resource itself, from ``where()`` without a path.
        alternatives: the scalars that a list was combined from; the first item is then a plain ``coalesce``.
        head: of a list reached by navigation alone, the path through the first item of every list: when it is not
            NULL it is the first item, without building the list.
    """

    sql: str
    type: str | None
    many: bool = False
    shape: Shape | None = None
    choice: tuple[str, tuple[str, ...]] | None = None
    guard: str | None = None
    alternatives: tuple[str, ...] = ()
    head: str | None = None

    @property
    def kind(self) -> str:
        """The family that decides what it may be compared with."""
        if self.type is None:
            return "unknown"
        if self.type in INTEGERS or self.type == "decimal":
            return "number"
        if self.type in DATES:
            return "date"
        if self.type in ("boolean", "time"):
            return self.type
        return "complex" if self.type == "choice" or is_complex(self.type) else "string"

    @property
    def sql_type(self) -> str:
        """The DuckDB type of one item."""
        return sql_type(self.type) if self.type and self.type != "choice" else "VARCHAR"


EMPTY = Value("null", None)


def constant(type_name: str, value: str | bool | int | float) -> Value:
    """A literal of a FHIR type."""
    if type_name == "boolean":
        return Value("true" if value in (True, "true") else "false", "boolean")
    if type_name in INTEGERS:
        return Value(str(int(value)), type_name)
    if type_name == "decimal":
        return Value(f"cast({float(value)!r} as double)", "decimal")
    return Value(quote(str(value)), type_name)


def member(parent: Value, name: str) -> Value | None:
    """Navigate to a child element; ``None`` when the type has none of this name."""
    if parent.choice is not None:
        raise CompileError(f"{parent.choice[0]}[x] has several types: choose one with ofType(…) before .{name}")
    found = element(parent.type, name) if parent.type else None
    if found is None:
        return None
    if found.choices:
        return replace(parent, type="choice", choice=(name, found.choices))
    return _extract(parent, name, found)


def choose(value: Value, type_name: str) -> Value:
    """``ofType`` of a choice element: navigate to ``valueQuantity``."""
    assert value.choice is not None
    name, types = value.choice
    parent = replace(value, type=value.shape.type if value.shape else None, choice=None)
    if type_name not in types:
        return EMPTY
    return _extract(parent, name + type_name[0].upper() + type_name[1:], Element(type_name))


def choices(value: Value) -> list[Value]:
    """All typed alternatives of a choice element."""
    assert value.choice is not None
    return [choose(value, type_name) for type_name in value.choice[1]]


def _extract(parent: Value, name: str, found: Element) -> Value:
    assert parent.shape is not None
    if name in parent.shape.absent:
        parent.shape.leave_out(name)
        return EMPTY
    shape = parent.shape.child(name, found.type, found.many)
    column = '"' + name + '"'
    if parent.many:
        item = fresh("x")
        sql = f"list_transform({parent.sql}, lambda {item}: struct_extract({item}, '{name}'))"
        sql = f"flatten({sql})" if found.many else present(sql)
        head = f"struct_extract({parent.head}, '{name}')" if parent.head else None
        if head and found.many:
            head = f"list_extract({head}, 1)"
        return Value(sql, found.type, True, shape, head=head)
    sql = f"struct_extract({parent.sql}, '{name}')" if parent.sql else column
    if parent.guard:
        sql = f"case when {parent.guard} then {sql} end"
    if not found.many:
        return Value(sql, found.type, False, shape)
    head = f"list_extract({sql}, 1)"
    return Value(sql if is_complex(found.type) else present(sql), found.type, True, shape, head=head)


def present(sql: str) -> str:
    """Drop the nulls of a list: a FHIR collection has no empty items."""
    item = fresh("x")
    return f"list_filter({sql}, lambda {item}: {item} is not null)"


def as_list(value: Value) -> str:
    """The value as a list, empty for nothing."""
    if value.many:
        return f"coalesce({value.sql}, [])"
    if value.type is None:
        return "[]"
    return f"case when {value.sql} is null then [] else [{value.sql}] end"


def first(value: Value) -> Value:
    """The first item."""
    if value.alternatives:
        return replace(value, sql=f"coalesce({', '.join(value.alternatives)})", many=False, alternatives=())
    if not value.many:
        return value
    sql = f"list_extract({value.sql}, 1)"
    if value.head and value.head != sql:
        sql = f"coalesce({value.head}, {sql})"
    return replace(value, sql=sql, many=False, head=None)


def single(value: Value, what: str) -> Value:
    """The only item; more than one is an error when the statement runs, as FHIRPath asks."""
    if not value.many:
        return value
    message = quote(f"{what}: more than one value; use first(), where(…) or collection")
    sql = f"case when len({value.sql}) > 1 then error({message}) else list_extract({value.sql}, 1) end"
    return replace(value, sql=sql, many=False, head=None)


def exists(value: Value) -> str:
    """SQL condition: there is at least one item; never NULL."""
    if value.choice is not None:
        return "(" + " or ".join(exists(one) for one in choices(value)) + ")"
    if value.type is None:
        return "false"
    if value.sql == "":
        return f"coalesce({value.guard}, false)" if value.guard else "true"
    return f"(coalesce(len({value.sql}), 0) > 0)" if value.many else f"({value.sql} is not null)"

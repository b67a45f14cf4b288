"""Questions about a view's selection tree, and the small pieces of SQL that rows are made of."""

from __future__ import annotations

from ehr.fhir.values import Value, as_list
from ehr.fhir.viewdefinition import Select

Outputs = list[tuple[str, str]]
"""Columns in order: name and SQL."""


def iterates(select: Select) -> bool:
    """Whether a select multiplies rows."""
    return bool(select.repeat) or select.for_each is not None or select.for_each_or_null is not None


def unnestable(value: Value) -> str:
    """The value as something to unnest, which takes NULL for an empty list."""
    return value.sql if value.many else as_list(value)


def recursive(select: Select) -> bool:
    """Whether ``repeat`` occurs in a select or below it."""
    return bool(select.repeat) or any(map(recursive, (*select.select, *select.union_all)))


def alike(branches: tuple[Select, ...]) -> bool:
    """All branches have the same nested iterations with the same columns, and nothing deeper."""

    def form(select: Select) -> object:
        if select.repeat or select.union_all:
            return None
        nested = tuple(
            (one.for_each is not None, one.for_each_or_null is not None, tuple(column.name for column in one.column))
            for one in select.select
            if not (one.repeat or one.union_all or one.select)
        )
        iterating = all(each or or_null for each, or_null, _ in nested)
        return nested if iterating and len(nested) == len(select.select) else None

    forms = {form(branch) for branch in branches}
    return len(forms) == 1 and None not in forms


def case(tag: str, sqls: list[str]) -> str:
    """One of several expressions by a tag; one expression if all are the same."""
    if len(set(sqls)) == 1:
        return sqls[0]
    cases = " ".join(f"when {k} then {sql}" for k, sql in enumerate(sqls))
    return f"case {tag} {cases} end"


def struct(columns: Outputs, kinds: dict[str, str]) -> str:
    """A row as a struct, with the types that all union branches share."""
    return "{" + ", ".join(f"'{name}': cast({sql} as {kinds[name]})" for name, sql in columns) + "}"


def concatenated(values: list[Value]) -> str:
    """Several collections as one list."""
    parts = [as_list(value) for value in values]
    return parts[0] if len(parts) == 1 else f"list_concat({', '.join(parts)})"

"""Text and names in SQL where nothing can be bound: paths of COPY and ATTACH, names of columns, compiled queries."""

from __future__ import annotations


def literal(value: object) -> str:
    """A text or path as SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'

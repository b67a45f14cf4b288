"""Where a compiled view reads from: NDJSON files as explicit struct columns, or JSON text as the same structs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ehr.fhir.schema import Shape, is_complex, sql_type
from ehr.fhir.values import fresh, quote

MAX_LINE_BYTES = 16 << 20
"""Longest line that is read; DuckDB keeps a buffer of this size per thread."""


def ndjson(files: Iterable[str | Path], columns: dict[str, str]) -> str:
    """NDJSON files (plain, gzip, zstd by their name) read strictly: any bad line fails the statement."""
    listing = ", ".join(quote(str(file)) for file in files)
    typed = ", ".join(f"{quote(name)}: {quote(kind)}" for name, kind in columns.items())
    return f"read_ndjson([{listing}], columns={{{typed}}}, maximum_object_size={MAX_LINE_BYTES})"


def structure(shape: Shape) -> str:
    """A shape as the structure argument of DuckDB's ``from_json``."""
    return json.dumps(shape.structure, separators=(",", ":"))


def json_objects(relation: str, resource: str, shape: Shape, keep: str = "") -> str:
    """JSON text (``relation`` has a column ``line``) of one resource type as the same typed columns.

    ``from_json`` turns a wrong shape into NULL silently: pass only lines for which ``misfit`` is NULL.
    """
    return (
        f"(select {keep}{', ' if keep else ''}unnest(from_json(line, {quote(structure(shape))})) from {relation}"
        f" where json_extract_string(line, '$.resourceType') = {quote(resource)})"
    )


def misfit(json_sql: str, shape: Shape) -> str:
    """SQL: the first element (``code.coding``) whose JSON type is not what FHIR says, or NULL when all fits.

    Accepts what DuckDB's typed reader accepts: null anywhere, numbers and booleans written as strings.
    """
    paths, expected, arrays = _expectations(shape, "$")
    objects = (
        "[" + ", ".join(map(quote, ["$", *(p for p, e in zip(paths, expected, strict=True) if e == "OBJECT")])) + "]"
    )
    item = fresh("m")
    checks = [
        f"list_filter(list_zip({objects}, json_keys({json_sql}, {objects})),"
        f" lambda {item}: len({item}[2]) <> len(list_distinct({item}[2])))[1][1] || ' (a key stands twice)'"
    ]
    if paths:
        listed = "[" + ", ".join(map(quote, paths)) + "]"
        wanted = "[" + ", ".join(map(quote, expected)) + "]"
        item = fresh("m")
        checks.append(
            f"list_filter(list_zip(json_type({json_sql}, {listed}), json_extract_string({json_sql}, {listed}),"
            f" {wanted}, {listed}), lambda {item}: {_wrong(item)})[1][4]"
        )
    for path, item_shape in arrays:
        item, found = fresh("m"), fresh("m")
        inner = _misfit_leaf(item, item_shape)
        if item_shape.children:
            inner = f"coalesce({inner}, {misfit(item, item_shape)})"
        checks.append(
            f"{quote(path)} || '[*]' || list_filter(list_transform(json_extract({json_sql}, {quote(path + '[*]')}),"
            f" lambda {item}: {inner}), lambda {found}: {found} is not null)[1]"
        )
    return f"coalesce({', '.join(checks)})"


def _expectations(shape: Shape, prefix: str) -> tuple[list[str], list[str], list[tuple[str, Shape]]]:
    """Paths that one parse can look at, what each must be, and the arrays that have to be opened."""
    paths, expected, arrays = [], [], []
    for name, child in shape.children.items():
        path = f"{prefix}.{name}"
        paths.append(path)
        expected.append("ARRAY" if child.many else _json_kind(child))
        if child.many:
            arrays.append((path, child))
        elif child.children:
            deeper = _expectations(child, path)
            paths += deeper[0]
            expected += deeper[1]
            arrays += deeper[2]
    return paths, expected, arrays


def _json_kind(shape: Shape) -> str:
    return "OBJECT" if is_complex(shape.type) else sql_type(shape.type)


def _wrong(item: str) -> str:
    """``item`` is (JSON type, text, expected, path)."""
    kind, text, wanted = f"{item}[1]", f"{item}[2]", f"{item}[3]"
    return (
        f"{kind} is not null and {kind} <> 'NULL' and case when {wanted} in ('OBJECT', 'ARRAY') then {kind} <> {wanted}"
        f" when {kind} in ('OBJECT', 'ARRAY') then true"
        f" when {wanted} = 'BOOLEAN' then {kind} <> 'BOOLEAN' and try_cast({text} as boolean) is null"
        f" when {wanted} in ('DOUBLE', 'BIGINT') then isfinite(try_cast({text} as double)) is not true"
        f" else false end"
    )


def _misfit_leaf(item: str, shape: Shape) -> str:
    """A check of the items of an array of primitives or of objects taken whole."""
    row = f"[json_type({item}), json_extract_string({item}, '$'), {quote(_json_kind(shape))}]"
    return f"case when {_wrong(row)} then '' end"

"""Mapping → DuckDB SQL: one expression per column that turns text into a typed value, and one that finds bad rows.

The query reads a relation ``block`` with the columns ``record_no`` and ``c0``, ``c1``, … (text, in header order) and
yields the target columns plus ``problem``: the 1-based number of the first check that the row fails, null if none.

Every value is checked against a pattern before DuckDB casts it, because its casts accept more than a declared type
means: ``1.5`` as the integer 2, ``1_000``, ``infinity``, a zone name; and a cast of ``…+01:00`` to a timestamp without
zone drops the offset.
"""

from __future__ import annotations

from dataclasses import dataclass

from ehr.extract.dialect import column_for, found_column
from ehr.extract.mapping import Column, Mapping, Type, type_of
from lake.sink import duckdb_type
from lake.sql import identifier, literal
from lake.tables import Table

_INTEGER = r"[+-]?[0-9]{1,19}"
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
_DATE = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_OFFSET = r"( ?(Z|z|UTC|[+-][0-9]{2}(:?[0-9]{2})?))"
_TIME = rf"{_DATE}[T ]{_CLOCK}{_OFFSET}?"
_COMPARATOR = r"(<=|>=|=<|=>|<|>|≤|≥)"
_RANGE = rf"\s*({_NUMBER})\s*(?:-|–|—|to|\.\.)\s*({_NUMBER})\s*"
_HIGH_GROUP = 4
"""``_NUMBER`` has two groups of its own, so the second number of ``_RANGE`` is its group 4."""

_EXPECTED = {
    "integer": "expected a whole number",
    "number": "expected a number",
    "boolean": "expected yes/no, true/false, y/n, t/f or 1/0",
}


@dataclass(frozen=True)
class Check:
    """A reason for which a row is refused, and the column it concerns."""

    column: str
    source: str
    reason: str
    expected: str


@dataclass(frozen=True)
class Compiled:
    """The query of one mapping over one header.

    Attributes:
        query: SQL over ``block``; yields the table's columns and ``problem``.
        checks: what ``problem`` counts, from 1.
        origins: target column → header cells that feed it (empty: constant or absent).
        unused: header cells that nothing reads.
        columns: indexes of the header cells that are read.
    """

    query: str
    checks: tuple[Check, ...]
    origins: dict[str, tuple[str, ...]]
    unused: tuple[str, ...]
    columns: tuple[int, ...]


def compile_mapping(mapping: Mapping, table: Table, header: tuple[str, ...]) -> Compiled:
    """Compile a mapping for a file with this header, which must hold all columns that are not optional."""
    texts, values, problems, checks = [], {}, [], []
    origins: dict[str, tuple[str, ...]] = {}
    used: set[int] = set()
    for number, declared in enumerate(mapping.columns):
        column = column_for(declared, header)
        kind = type_of(column, table)
        indexes = found_column(column, header)
        origins[column.to] = tuple(header[index] for index in indexes)
        used.update(indexes)
        if column.constant is not None:
            values[column.to] = _constant(column, kind)
            continue
        if not indexes:
            continue
        raw, value = f"t{number}", f"v{number}"
        texts.append((raw, _text(mapping, column, indexes), value, _value(mapping, column, kind, raw)))
        values[column.to] = value
        source = " + ".join(origins[column.to])
        for condition, reason, expected in _checks(mapping, column, kind, raw, value):
            checks.append(Check(column.to, source, reason, expected))
            problems.append(f"when {condition} then {len(checks)}")
    inner = ", ".join(["record_no", *(f"{text} as {raw}" for raw, text, _, _ in texts)])
    middle = ", ".join(["*", *(f"{sql} as {value}" for _, _, value, sql in texts)])
    outer = ["record_no"] if "record_no" in table.schema.names else []
    for field in table.schema:
        if field.name != "record_no":
            missing = f"cast(null as {duckdb_type(field.type)})"
            outer.append(f"{values.get(field.name, missing)} as {identifier(field.name)}")
    problem = f"case {' '.join(problems)} end" if problems else "cast(null as integer)"
    query = (
        f"select {', '.join(outer)}, {problem} as problem, record_no as ordinal"
        f" from (select {middle} from (select {inner} from block) as texts) as typed"
    )
    unused = tuple(cell for index, cell in enumerate(header) if index not in used)
    return Compiled(query, tuple(checks), origins, unused, tuple(sorted(used)))


def _constant(column: Column, kind: Type) -> str:
    return f"cast({literal(str(column.constant))} as {_SQL_TYPES[kind]})"


_SQL_TYPES: dict[Type, str] = {
    "string": "varchar",
    "integer": "bigint",
    "number": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}


def _text(mapping: Mapping, column: Column, indexes: list[int]) -> str:
    """The source text, blanks removed if asked, null where it is one of the null strings."""
    parts = [_nulled(mapping, column, f"c{index}") for index in indexes]
    if column.coalesce:
        return f"coalesce({', '.join(parts)})"
    if not column.concat:
        return parts[0]
    return f"nullif(concat_ws({literal(column.separator)}, {', '.join(parts)}), '')"


def _nulled(mapping: Mapping, column: Column, name: str) -> str:
    text = f"trim({name}, ' \t\r\n\u00a0')" if mapping.trim else name
    nulls = mapping.nulls if column.nulls is None else column.nulls
    if len(nulls) == 1:
        return f"nullif({text}, {literal(nulls[0])})"
    return f"case when {text} not in ({', '.join(map(literal, nulls))}) then {text} end" if nulls else text


def _value(mapping: Mapping, column: Column, kind: Type, raw: str) -> str:
    if column.present is not None or column.absent is not None:
        present = raw if column.present is None else _typed(column.present, kind)
        absent = "null" if column.absent is None else _typed(column.absent, kind)
        return f"case when {raw} is null then {absent} else {present} end"
    if column.values:
        cases = " ".join(
            f"when {literal(text.casefold())} then {'null' if value is None else _typed(value, kind)}"
            for text, value in column.values.items()
        )
        other = _parsed(mapping, column, kind, raw) if column.unlisted == "keep" else "null"
        return f"case lower(trim({raw})) {cases} else {other} end"
    return _parsed(mapping, column, kind, raw)


def _typed(value: str | int | float | bool, kind: Type) -> str:
    return f"cast({literal(str(value))} as {_SQL_TYPES[kind]})"


def _parsed(mapping: Mapping, column: Column, kind: Type, raw: str) -> str:
    text = _part(column, raw)
    if kind == "timestamp":
        return _timestamp(mapping, column, text)
    if kind == "date" and column.formats:
        return f"cast({_strptime(text, column.formats)} as date)"
    return {
        "string": text,
        "integer": f"case when regexp_full_match({text}, '{_INTEGER}') then try_cast({text} as bigint) end",
        "number": _number(f"replace({text}, ',', '.')" if column.decimal == "," else text),
        "boolean": f"case when lower({text}) in ('true', 't', 'yes', 'y', '1') then true"
        f" when lower({text}) in ('false', 'f', 'no', 'n', '0') then false end",
        "date": f"case when regexp_full_match({text}, '{_DATE}') then try_cast({text} as date) end",
    }[kind]


def _number(text: str) -> str:
    # 1e400 casts to infinity, which no measurement is.
    cast = f"try_cast({text} as double)"
    return f"case when regexp_full_match({text}, '{_NUMBER}') and isfinite({cast}) then {cast} end"


def _part(column: Column, raw: str) -> str:
    """The wanted part of a text such as ``<5`` or ``3.5-5.1``; null where the text does not have it."""
    number = _NUMBER.replace(r"\.", "[.,]") if column.decimal == "," else _NUMBER
    span = _RANGE.replace(_NUMBER, number)
    censored = rf"\s*{_COMPARATOR}?\s*({number})\s*"
    match column.part:
        case None:
            return raw
        case "comparator":
            found = f"case when regexp_full_match({raw}, '{censored}') then regexp_extract({raw}, '{_COMPARATOR}') end"
            return (
                f"nullif(replace(replace(replace(replace({found}, '≤', '<='), '≥', '>='), '=<', '<='), '=>', '>='), '')"
            )
        case "number":
            found = f"regexp_extract({raw}, '{number}')"
            return f"case when regexp_full_match({raw}, '{censored}') then {found} else {raw} end"
        case "low":
            low = f"regexp_extract({raw}, '{span}', 1)"
            alone = f"regexp_extract({raw}, '^\\s*(?:>=|>|≥)\\s*({number})\\s*$', 1)"
        case "high":
            low = f"regexp_extract({raw}, '{span}', {_HIGH_GROUP})"
            alone = f"regexp_extract({raw}, '^\\s*(?:<=|<|≤)\\s*({number})\\s*$', 1)"
    return f"case when regexp_full_match({raw}, '{span}') then {low} else nullif({alone}, '') end"


def _timestamp(mapping: Mapping, column: Column, text: str) -> str:
    """UTC of a local or an absolute time; null if it is none, or if the local clock never showed it."""
    zone = column.zone or mapping.zone
    local, absolute = _clock(column, text)
    if zone != "UTC":
        # A time that the clock showed twice (end of summer time) is taken as the later one: never known too early.
        utc = f"timezone('UTC', timezone({literal(zone)}, {local}))"
        local = f"case when timezone({literal(zone)}, timezone({literal(zone)}, {local})) = {local} then {utc} end"
    return f"coalesce({absolute}, {local})" if absolute else local


def _clock(column: Column, text: str) -> tuple[str, str | None]:
    """SQL for the local time (naive) and for the time with offset, as UTC (naive); each null where it is the other."""
    if column.formats:
        plain = [one for one in column.formats if "%z" not in one and "%Z" not in one]
        offset = [one for one in column.formats if one not in plain]
        dated = [one for one in plain if not any(part in one for part in ("%H", "%I", "%c", "%X"))]
        timed = [one for one in plain if one not in dated]
        local = _strptime(text, timed) if timed else "cast(null as timestamp)"
        if dated:
            local = f"coalesce({local}, {_strptime(text, dated)}{_day(column)})"
        absolute = f"timezone('UTC', {_strptime(text, offset)})" if offset else None
        return local, absolute
    date_only = (
        ""
        if column.date_only == "reject"
        else f" when regexp_full_match({text}, '{_DATE}') then try_cast({text} as timestamp){_day(column)}"
    )
    local = (
        f"case when regexp_full_match({text}, '{_DATE}[T ]{_CLOCK}') then try_cast({text} as timestamp){date_only} end"
    )
    spelled = (
        f"regexp_replace(regexp_replace(upper({text}), ' ?UTC$', 'Z'), '([+-][0-9]{{2}})([0-9]{{2}})$', '\\1:\\2')"
    )
    absolute = (
        f"case when regexp_full_match({text}, '{_DATE}[T ]{_CLOCK}{_OFFSET}')"
        f" then timezone('UTC', try_cast({spelled} as timestamptz)) end"
    )
    return local, absolute


def _day(column: Column) -> str:
    return " + interval 1 day" if column.date_only == "end" else ""


def _strptime(text: str, formats: list[str]) -> str:
    return f"try_strptime({text}, [{', '.join(map(literal, formats))}])"


def _checks(mapping: Mapping, column: Column, kind: Type, raw: str, value: str) -> list[tuple[str, str, str]]:
    """(condition, reason, what was expected) for each way in which a column can make a row unusable."""
    found = []
    if column.required:
        found.append((f"{raw} is null", "missing_value", "a value is required"))
    mapped_to_null = [literal(text.casefold()) for text, to in column.values.items() if to is None]
    present = f"{raw} is not null"
    if mapped_to_null:
        present += f" and lower(trim({raw})) not in ({', '.join(mapped_to_null)})"
    if column.values and column.unlisted == "reject":
        listed = ", ".join(sorted(column.values))
        found.append((f"{present} and {value} is null", "unlisted_value", f"expected one of {listed}"))
    elif column.invalid == "reject" and kind != "string" and not (column.values and column.unlisted == "null"):
        if kind == "timestamp" and (column.zone or mapping.zone) != "UTC":
            local = _clock(column, raw)[0]
            zone = column.zone or mapping.zone
            never = f"{present} and {value} is null and {local} is not null"
            found.append((never, "nonexistent_local_time", f"the clock of {zone} skipped this time"))
        found.append((f"{present} and {value} is null", f"invalid_{kind}", _expected(column, kind)))
    elif column.part is None and kind == "string":
        return found
    if column.required and column.invalid == "null":
        found.append((f"{value} is null", f"invalid_{kind}", _expected(column, kind)))
    return found


def _expected(column: Column, kind: Type) -> str:
    if kind in ("date", "timestamp"):
        shape = "YYYY-MM-DD" if kind == "date" else "YYYY-MM-DD HH:MM[:SS] with or without offset"
        return f"expected a {kind} written as {' or '.join(column.formats) or shape}"
    return _EXPECTED[kind]

"""``lowBoundary()`` and ``highBoundary()``: the range a value of limited precision stands for (FHIRPath, section 5)."""

from __future__ import annotations

from ehr.fhir.errors import CompileError
from ehr.fhir.values import EMPTY, Value


def low_boundary(value: Value) -> Value:
    """The least value with the given precision: ``1.0`` → 0.95, ``2010-10`` → 2010-10-01."""
    return _boundary(value, -1, "-01-01", "00:00:00.000", "+14:00")


def high_boundary(value: Value) -> Value:
    """The greatest value with the given precision: ``1.0`` → 1.05, ``2010-10`` → 2010-10-31."""
    return _boundary(value, 1, "-12-31", "23:59:59.999", "-12:00")


def _boundary(value: Value, sign: int, year_rest: str, full_time: str, zone: str) -> Value:
    v = value.sql
    if value.type is None:
        return EMPTY
    if value.type == "decimal":
        digits = f"cast(length(split_part(cast({v} as varchar), '.', 2)) as integer)"
        return Value(f"round({v} + {sign * 0.5} * pow(10, -{digits}), {digits} + 1)", "decimal")
    if value.type == "time":
        return Value(f"({v} || substr('{full_time}', length({v}) + 1))", "time")
    if value.type not in ("date", "dateTime", "instant"):
        raise CompileError(f"boundaries exist for decimal, date, dateTime and time, not {value.type}")
    last_of_month = f"strftime(last_day(try_cast({v} || '-01' as date)), '%Y-%m-%d')"
    month = f"{v} || '-01'" if sign < 0 else last_of_month
    day = f"case length({v}) when 4 then {v} || '{year_rest}' when 7 then {month} else {v} end"
    if value.type == "date":
        return Value(f"({day})", "date")
    clock = f"regexp_extract({v}, 'T([0-9:.]+)', 1)"
    offset = f"coalesce(nullif(regexp_extract({v}, '(Z|[+-][0-9]{{2}}:[0-9]{{2}})$', 1), ''), '{zone}')"
    full = f"left({v}, 11) || {clock} || substr('{full_time}', length({clock}) + 1) || {offset}"
    return Value(f"(case when length({v}) > 10 then {full} else ({day}) || 'T{full_time}{zone}' end)", "dateTime")

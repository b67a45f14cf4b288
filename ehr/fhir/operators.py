"""FHIRPath operators as SQL (FHIRPath 2.0, section 6). Empty operands give empty results: SQL's NULL does the same."""

from __future__ import annotations

from ehr.fhir.errors import CompileError
from ehr.fhir.schema import INTEGERS
from ehr.fhir.values import EMPTY, Value, as_list, exists, fresh, single

_ORDER = ("<", ">", "<=", ">=")


def sign(operator: str, operand: Value) -> Value:
    """Unary plus and minus."""
    if operand.kind not in ("number", "unknown"):
        raise CompileError(f"{operator} needs a number, not {operand.type}")
    return Value(f"({operator}{single(operand, 'operand').sql})", operand.type)


def binary(operator: str, left: Value, right: Value) -> Value:  # noqa: PLR0911 (one per family)
    """Any binary operator but ``as``."""
    if operator in ("=", "!="):
        return _equal(left, right, operator)
    if operator in _ORDER:
        return _ordered(operator, single(left, "operand"), single(right, "operand"))
    if operator in ("and", "or", "xor", "implies"):
        return _logic(operator, left, right)
    if operator == "|":
        return _union(left, right)
    if operator == "in":
        return _contains(right, left)
    if operator == "contains":
        return _contains(left, right)
    if operator in ("+", "-", "*", "/", "div", "mod", "&"):
        return _arithmetic(operator, single(left, "operand"), single(right, "operand"))
    raise CompileError(f"operator {operator} is not supported")


def _unknown(left: Value, right: Value) -> bool:
    return left.type is None or right.type is None


def _comparable(left: Value, right: Value) -> bool:
    return left.kind == right.kind != "complex"


def _equal(left: Value, right: Value, operator: str) -> Value:
    if _unknown(left, right):
        return Value("cast(null as boolean)", "boolean")
    if "complex" in (left.kind, right.kind):
        raise CompileError(f"{operator} compares primitive values, not {left.type} with {right.type}")
    if not _comparable(left, right):
        same = "false"
    elif left.many or right.many:
        same = f"({as_list(left)} = {as_list(right)})"
    else:
        same = f"({_instants(left, right, '=')})" if left.kind == "date" else f"({left.sql} = {right.sql})"
        return Value(same if operator == "=" else f"(not {same})", "boolean")
    both = f"{exists(left)} and {exists(right)}"
    return Value(f"case when {both} then {same if operator == '=' else f'not {same}'} end", "boolean")


def _ordered(operator: str, left: Value, right: Value) -> Value:
    if _unknown(left, right):
        return Value("cast(null as boolean)", "boolean")
    if not _comparable(left, right) or left.kind == "boolean":
        raise CompileError(f"{operator} cannot compare {left.type} with {right.type}")
    sql = _instants(left, right, operator) if left.kind == "date" else f"{left.sql} {operator} {right.sql}"
    return Value(f"({sql})", "boolean")


def _instants(left: Value, right: Value, operator: str) -> str:
    """Compare dates as text where their precision is equal, moments as moments, and else say nothing (empty)."""
    a, b = left.sql, right.sql
    moments = f"try_cast({a} as timestamptz) {operator} try_cast({b} as timestamptz)"
    shorter = f"least(length({a}), length({b}))"
    prefix = f"left({a}, {shorter}) {operator.rstrip('=') or '='} left({b}, {shorter})"
    differ = f"left({a}, {shorter}) <> left({b}, {shorter})"
    return (
        f"case when length({a}) > 10 and length({b}) > 10 then {moments}"
        f" when length({a}) = length({b}) then {a} {operator} {b} when {differ} then {prefix} end"
    )


def _logic(operator: str, left: Value, right: Value) -> Value:
    for one in (left, right):
        if one.type not in ("boolean", None):
            raise CompileError(f"{operator} needs booleans, not {one.type}")
    a, b = single(left, "operand").sql, single(right, "operand").sql
    if operator == "or" and "false" in (a, b):
        return Value(b if a == "false" else a, "boolean")
    sql = {
        "and": f"({a} and {b})",
        "or": f"({a} or {b})",
        "xor": f"({a} <> {b})",
        "implies": f"((not {a}) or {b})",
    }[operator]
    return Value(sql, "boolean")


def _union(left: Value, right: Value) -> Value:
    if _unknown(left, right):
        return right if left.type is None else left
    if not _comparable(left, right):
        raise CompileError(f"| joins primitive values of one type, not {left.type} with {right.type}")
    both, item, position = f"list_concat({as_list(left)}, {as_list(right)})", fresh("x"), fresh("i")
    distinct = f"list_filter({both}, lambda {item}, {position}: list_position({both}, {item}) = {position})"
    return Value(distinct, left.type, True)


def _contains(collection: Value, item: Value) -> Value:
    if item.type is None:
        return Value("cast(null as boolean)", "boolean")
    if collection.type is None or not _comparable(collection, item):
        return Value("false", "boolean")
    wanted = single(item, "operand").sql
    return Value(f"(case when {wanted} is not null then list_contains({as_list(collection)}, {wanted}) end)", "boolean")


def _arithmetic(operator: str, left: Value, right: Value) -> Value:  # noqa: PLR0911 (one per family)
    if operator == "&" or (operator == "+" and "string" in (left.kind, right.kind)):
        if {left.kind, right.kind} - {"string", "unknown"}:
            raise CompileError(f"{operator} cannot join {left.type} and {right.type}")
        if operator == "+" and _unknown(left, right):
            return EMPTY
        if operator == "&":
            return Value(f"(coalesce({left.sql}, '') || coalesce({right.sql}, ''))", "string")
        return Value(f"({left.sql} || {right.sql})", "string")
    if _unknown(left, right):
        return EMPTY
    if {left.kind, right.kind} != {"number"}:
        raise CompileError(f"{operator} needs numbers, not {left.type} and {right.type}")
    if operator == "/":
        return Value(f"(cast({left.sql} as double) / nullif({right.sql}, 0))", "decimal")
    if operator == "div":
        return Value(f"cast(trunc({left.sql} / nullif({right.sql}, 0)) as bigint)", "integer")
    symbol = "%" if operator == "mod" else operator
    divisor = f"nullif({right.sql}, 0)" if operator == "mod" else right.sql
    whole = left.type in INTEGERS and right.type in INTEGERS
    return Value(f"({left.sql} {symbol} {divisor})", "integer" if whole else "decimal")

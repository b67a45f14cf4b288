"""The FHIRPath functions of the subset: SQL-on-FHIR v2's required and optional ones, and a few that views need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ehr.fhir.boundaries import high_boundary, low_boundary
from ehr.fhir.errors import CompileError
from ehr.fhir.expression import Evaluator, Scope, type_argument
from ehr.fhir.fhirpath import Node
from ehr.fhir.schema import is_resource
from ehr.fhir.values import (
    EMPTY,
    Value,
    as_list,
    choose,
    exists,
    first,
    fresh,
    member,
    quote,
    single,
)

Arguments = tuple[Node, ...]
Function = Callable[[Evaluator, Value, Arguments, Scope], Value]


def _no_arguments(arguments: Arguments, name: str) -> None:
    if arguments:
        raise CompileError(f"{name}() takes no arguments")


def _one(arguments: Arguments, name: str) -> Node:
    if len(arguments) != 1:
        raise CompileError(f"{name}() takes one argument")
    return arguments[0]


def _where(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    return evaluator.filtered(value, _one(arguments, "where"), scope)


def _exists(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    if arguments:
        value = evaluator.filtered(value, _one(arguments, "exists"), scope)
    return Value(exists(value), "boolean")


def _empty(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    _no_arguments(arguments, "empty")
    return Value(f"(not {exists(value)})", "boolean")


def _all(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    criteria = _one(arguments, "all")
    if not value.many:
        condition = evaluator.condition(evaluator.value(criteria, scope.focus(value)), "criteria")
        return Value(f"(not {exists(value)} or {condition})", "boolean")
    kept = evaluator.filtered(value, criteria, scope)
    return Value(f"(coalesce(len({value.sql}), 0) = coalesce(len({kept.sql}), 0))", "boolean")


def _count(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    _no_arguments(arguments, "count")
    return Value(f"coalesce(len({value.sql}), 0)" if value.many else f"cast({exists(value)} as bigint)", "integer")


def _first(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    _no_arguments(arguments, "first")
    return first(value)


def _last(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    _no_arguments(arguments, "last")
    return replace(value, sql=f"list_extract({value.sql}, -1)", many=False, head=None) if value.many else value


def _not(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    _no_arguments(arguments, "not")
    if value.type not in ("boolean", None):
        raise CompileError(f"not() needs a boolean, not {value.type}")
    return Value(f"(not {single(value, 'not()').sql})", "boolean")


def _extension(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    url = evaluator.text_argument(arguments, "extension", scope)
    extensions = member(value, "extension")
    if extensions is None or extensions.type is None:
        return EMPTY
    item = fresh("x")
    named = member(replace(extensions, sql=item, many=False, head=None), "url")
    if named is None or named.type is None:
        return EMPTY
    return replace(extensions, head=None, sql=f"list_filter({extensions.sql}, lambda {item}: {named.sql} = {url})")


def _of_type(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    type_name = type_argument(arguments, "ofType")
    if value.choice is not None:
        return choose(value, type_name)
    if value.type == "Resource" and is_resource(type_name):
        return _resources(value, type_name)
    return value if value.type == type_name else EMPTY


def _resources(value: Value, type_name: str) -> Value:
    """Contained resources and Bundle entries: any type in one list, told apart by ``resourceType``."""
    assert value.shape is not None
    value.shape.child("resourceType", "code", False)
    item = fresh("x") if value.many else value.sql
    matches = f"struct_extract({item}, 'resourceType') = {quote(type_name)}"
    if value.many:
        return replace(value, head=None, type=type_name, sql=f"list_filter({value.sql}, lambda {item}: {matches})")
    return replace(value, type=type_name, sql=f"case when {matches} then {value.sql} end")


def _join(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    separator = evaluator.text_argument(arguments, "join", scope) if arguments else "''"
    if value.kind not in ("string", "unknown"):
        raise CompileError(f"join() needs strings, not {value.type}")
    return Value(f"array_to_string(cast({as_list(value)} as varchar[]), {separator})", "string")


def _combine(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    other = evaluator.value(_one(arguments, "combine"), scope)
    if EMPTY.type in (value.type, other.type):
        return other if value.type is None else value
    if value.kind == "complex" or other.kind == "complex":
        return _combine_complex(value, other)
    if not (value.sql_type == other.sql_type or value.kind == other.kind):
        raise CompileError(f"combine() joins values of one kind, not {value.type} with {other.type}")
    joined = f"list_concat({as_list(value)}, {as_list(other)})"
    before = value.alternatives or ((value.sql,) if not value.many else ())
    alternatives = (*before, other.sql) if before and not other.many else ()
    return Value(joined, _common_type(value, other), True, alternatives=alternatives)


def _combine_complex(value: Value, other: Value) -> Value:
    if value.type != other.type or value.shape is None or other.shape is None or value.choice or other.choice:
        raise CompileError(f"combine() joins values of one type, not {value.type} with {other.type}")
    value.shape.link(other.shape)
    return Value(f"list_concat({as_list(value)}, {as_list(other)})", value.type, True, value.shape)


def _common_type(one: Value, other: Value) -> str | None:
    if one.kind == "number":
        return one.type if one.sql_type == other.sql_type else "decimal"
    return one.type if one.kind == other.kind else "string"


def _iif(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    if len(arguments) not in (2, 3):
        raise CompileError("iif() takes a condition and one or two results")
    condition = evaluator.condition(evaluator.value(arguments[0], scope), "iif() condition")
    then, *otherwise = (single(evaluator.value(one, scope), "iif()") for one in arguments[1:])
    other = otherwise[0] if otherwise else EMPTY
    kinds = {then.kind, other.kind} - {"unknown"}
    if "complex" in kinds or (len(kinds) > 1 and not kinds <= {"string", "date", "time"}):
        raise CompileError(f"iif() results must be primitive and of one kind, not {then.type} and {other.type}")
    sql = other.sql if condition == "false" else f"case when {condition} then {then.sql} else {other.sql} end"
    if EMPTY.type in (then.type, other.type):
        return Value(sql, other.type if then.type is None else then.type)
    return Value(sql, _common_type(then, other))


def _to_string(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    _no_arguments(arguments, "toString")
    if value.type is None:
        return EMPTY
    if value.kind == "complex":
        raise CompileError(f"toString() needs a primitive value, not {value.type}")
    return Value(f"cast({single(value, 'toString()').sql} as varchar)", "string")


def _resource_key(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    _no_arguments(arguments, "getResourceKey")
    if value.type is None or not (is_resource(value.type) or value.type == "Resource"):
        raise CompileError("getResourceKey() is for resources")
    return member(value, "id") or EMPTY


def _reference_key(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
    wanted = type_argument(arguments, "getReferenceKey") if arguments else None
    if value.type is None:
        return EMPTY
    if value.type != "Reference":
        raise CompileError(f"getReferenceKey() is for References, not {value.type}")
    reference = member(value, "reference")
    if reference is None or reference.type is None:
        return EMPTY
    if not value.many:
        return replace(reference, sql=reference_key(reference.sql, wanted))
    item = fresh("x")
    keys = f"list_transform({reference.sql}, lambda {item}: {reference_key(item, wanted)})"
    return replace(reference, head=None, sql=f"list_filter({keys}, lambda {item}: {item} is not null)")


def reference_key(sql: str, wanted: str | None) -> str:
    """The id a reference points to: ``Type/x``, ``…/Type/x/_history/1``, ``urn:uuid:x``; else NULL.

    A ``urn:`` has no type in it and is taken as the wanted one. A ``#contained`` or conditional reference
    (``Type?…``) is no key. The common forms are tried with plain string functions, a regexp is left for the rest.
    """
    if wanted is None:
        local, pattern = "false", "[A-Za-z]+"
        plain = "null"
    else:
        prefix = quote(wanted + "/")
        local = f"(starts_with({sql}, {prefix}) and not contains(substr({sql}, {len(wanted) + 2}), '/'))"
        plain, pattern = f"substr({sql}, {len(wanted) + 2})", wanted
    general = f"nullif(regexp_extract({sql}, '(?:^|/){pattern}/([A-Za-z0-9.-]+)(?:/_history/[^/]*)?$', 1), '')"
    return (
        f"case when starts_with({sql}, 'urn:uuid:') then substr({sql}, 10)"
        f" when starts_with({sql}, 'urn:oid:') then substr({sql}, 9)"
        f" when {local} then {plain} else {general} end"
    )


def _boundary(build: Callable[[Value], Value], name: str) -> Function:
    def function(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
        _no_arguments(arguments, name)
        return build(single(value, f"{name}()"))

    return function


def _string_test(sql_name: str, name: str) -> Function:
    def function(evaluator: Evaluator, value: Value, arguments: Arguments, scope: Scope) -> Value:
        argument = evaluator.text_argument(arguments, name, scope)
        if value.kind not in ("string", "unknown", "date"):
            raise CompileError(f"{name}() needs a string, not {value.type}")
        return Value(f"{sql_name}({single(value, name).sql}, {argument})", "boolean")

    return function


FUNCTIONS: dict[str, Function] = {
    "where": _where,
    "exists": _exists,
    "empty": _empty,
    "all": _all,
    "count": _count,
    "first": _first,
    "last": _last,
    "not": _not,
    "extension": _extension,
    "ofType": _of_type,
    "as": _of_type,
    "join": _join,
    "combine": _combine,
    "iif": _iif,
    "toString": _to_string,
    "getResourceKey": _resource_key,
    "getReferenceKey": _reference_key,
    "lowBoundary": _boundary(low_boundary, "lowBoundary"),
    "highBoundary": _boundary(high_boundary, "highBoundary"),
    "startsWith": _string_test("starts_with", "startsWith"),
    "endsWith": _string_test("ends_with", "endsWith"),
}
"""Every function that a ViewDefinition may call."""

__all__ = ["FUNCTIONS", "reference_key"]

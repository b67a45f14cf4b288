"""Task files of ACES (Xu et al. 2024) on an event table: predicates, trigger, windows and label, as SQL.

A row of the result is one trigger whose windows all hold: who, when the prediction is made, and the label. Windows are
resolved one after another, whatever order the file has them in; a bound that no event fulfils drops its trigger.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from lake.sql import literal

_ANY = "_ANY_EVENT"
_UNITS = {
    "s": "seconds", "second": "seconds", "m": "minutes", "min": "minutes", "minute": "minutes", "h": "hours",
    "hr": "hours", "hour": "hours", "d": "days", "day": "days", "w": "weeks", "week": "weeks",
}  # fmt: skip
_COUNT = re.compile(r"\(\s*(None|\d+)\s*,\s*(None|\d+)\s*\)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class BadTask(ValueError):
    """The task file says something that cannot be resolved; the message says where."""


def load(path: Path) -> dict[str, Any]:
    """Read a task file.

    Raises:
        BadTask: it is not a task.
    """
    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise BadTask(f"{path.name} cannot be read: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(found, dict) or not {"predicates", "trigger", "windows"} <= set(found):
        raise BadTask(f"{path.name} is no task: predicates, trigger and windows are needed")
    return found


def events(table: pa.Table) -> pa.Table:
    """Return a table as events, with the columns and types that ``extract`` reads.

    Raises:
        BadTask: a column is absent, or has values of another kind.
    """
    kinds = {"subject_id": pa.string(), "time": pa.timestamp("us"), "code": pa.string(), "numeric_value": pa.float64()}
    if absent := [name for name in ("subject_id", "time", "code") if name not in table.column_names]:
        raise BadTask(f"the events lack {', '.join(absent)}; they have {', '.join(table.column_names)}")
    if "numeric_value" not in table.column_names:
        table = table.append_column("numeric_value", pa.nulls(table.num_rows, pa.float64()))
    try:
        return pa.table({name: table.column(name).cast(kind) for name, kind in kinds.items()})
    except pa.ArrowException as error:
        raise BadTask(f"the events cannot be read: {str(error).splitlines()[0]}") from None


def extract(events: pa.Table, task: dict[str, Any]) -> pa.Table:
    """Return subject_id, prediction_time, boolean_value (null without a label) and trigger_time, in this order.

    Args:
        events: MEDS columns subject_id, time, code, numeric_value; rows without a time describe the subject.
        task: from ``load``.

    Raises:
        BadTask: a predicate, a bound or a count cannot be understood.
    """
    predicates = dict(task["predicates"])
    demographics = dict(task.get("patient_demographics") or {})
    with duckdb.connect(":memory:", config={"enable_external_access": False}) as connection:
        connection.register("events", events)
        _moments(connection, predicates)
        kept = " and ".join(
            f"subject_id in (select subject_id from events where time is null and {_matches(name, one)})"
            for name, one in demographics.items()
        )
        trigger = _known(task["trigger"], predicates)
        connection.execute(
            "create temp table run as select subject_id, moment_at as trigger_at from moment"
            f" where {trigger} > 0 and {kept or 'true'}"
        )
        bounds = _resolve(connection, task["windows"], predicates)
        index, label = "trigger_at", "null::boolean"
        for name, window in task["windows"].items():
            for predicate, counts in (window.get("has") or {}).items():
                low, high = _counts(name, counts)
                number = _number(bounds, name, window, _known(predicate, predicates))
                if low is not None:
                    connection.execute(f"delete from run where {number} < {low}")
                if high is not None:
                    connection.execute(f"delete from run where {number} > {high}")
            if window.get("label"):
                label = f"{_number(bounds, name, window, _known(window['label'], predicates))} > 0"
            if window.get("index_timestamp"):
                index = bounds[f"{name}.{window['index_timestamp']}"]
        return connection.sql(
            f"select subject_id, {index} as prediction_time, {label} as boolean_value, trigger_at as trigger_time"
            " from run order by subject_id, prediction_time, trigger_time"
        ).to_arrow_table()


def _moments(connection: duckdb.DuckDBPyConnection, predicates: dict[str, Any]) -> None:
    """One row per subject and moment, with how often each predicate holds then."""
    plain = {name: one for name, one in predicates.items() if "code" in one}
    counted = "".join(
        f", count(*) filter (where {_matches(name, one)}) as {_safe(name)}" for name, one in plain.items()
    )
    query = (
        f"select subject_id, time as moment_at, 1 as {_ANY}{counted} from events where time is not null group by all"
    )
    waiting = {name: one for name, one in predicates.items() if "expr" in one}
    known = {*plain, _ANY}
    while waiting:
        ready = [name for name, one in waiting.items() if set(_parts(name, one["expr"])[1]) <= known]
        if not ready:
            raise BadTask(f"predicates that no predicate explains: {', '.join(sorted(waiting))}")
        added = []
        for name in ready:
            how, parts = _parts(name, waiting.pop(name)["expr"])
            joined = (" and " if how == "and" else " or ").join(f"{_safe(one)} > 0" for one in parts)
            added.append(
                f"({joined})::int as {_safe(name)}"
                if how == "and"
                else f"{' + '.join(map(_safe, parts))} as {_safe(name)}"
            )
            known.add(name)
        query = f"select *, {', '.join(added)} from ({query})"
    connection.execute(f"create temp table moment as {query}")


def _matches(name: str, one: dict[str, Any]) -> str:
    code = one.get("code")
    if isinstance(code, dict) and "regex" in code:
        found = f"regexp_matches(code, {literal(code['regex'])})"
    elif isinstance(code, dict) and "any" in code:
        found = f"code in ({', '.join(map(literal, code['any']))})"
    elif isinstance(code, str):
        found = f"code = {literal(code)}"
    else:
        raise BadTask(f"predicate {name}: a code, {{regex: …}} or {{any: […]}} is needed")
    for side, sign in (("min", ">"), ("max", "<")):
        if (limit := one.get(f"value_{side}")) is not None:
            equal = "=" if one.get(f"value_{side}_inclusive") else ""
            found += f" and numeric_value {sign}{equal} {float(limit)!r}"
    return found


def _parts(name: str, expression: str) -> tuple[str, list[str]]:
    found = re.fullmatch(r"\s*(and|or)\((.*)\)\s*", expression)
    if not found:
        raise BadTask(f"predicate {name}: {expression!r} is neither and(…) nor or(…)")
    return found[1], [one.strip() for one in found[2].split(",")]


def _resolve(
    connection: duckdb.DuckDBPyConnection, windows: dict[str, Any], predicates: dict[str, Any]
) -> dict[str, str]:
    """Compute every bound as a column of ``run``; return bound to column."""
    known = {"trigger": "trigger_at"}
    waiting = {f"{name}.{side}": window.get(side) for name, window in windows.items() for side in ("start", "end")}
    while waiting:
        before = len(waiting)
        for bound, expression in list(waiting.items()):
            if (value := _bound(bound, expression, known, predicates)) is None:
                continue
            column = _safe(bound.replace(".", "_") + "_at")
            connection.execute(f"create or replace temp table run as select *, {value} as {column} from run")
            connection.execute(f"delete from run where {column} is null")
            known[bound] = column
            del waiting[bound]
        if len(waiting) == before:
            raise BadTask(f"bounds that refer to each other or to nothing: {', '.join(waiting)}")
    return known


def _bound(bound: str, expression: str | None, known: dict[str, str], predicates: dict[str, Any]) -> str | None:
    """Return the SQL of a bound, or None while what it refers to is not known."""
    window, side = bound.split(".")
    of_subject = "from moment as m where m.subject_id = run.subject_id"
    if expression is None:
        return f"(select {'min' if side == 'start' else 'max'}(m.moment_at) {of_subject})"
    text = str(expression).strip()
    found = re.fullmatch(r"([A-Za-z0-9_.]+)\s*(?:(->|<-|\+|-)\s*(.+))?", text)
    if not found:
        raise BadTask(f"{bound}: {text!r} cannot be understood")
    reference = found[1] if found[1] not in ("start", "end") else f"{window}.{found[1]}"
    if reference != "trigger" and "." not in reference:
        raise BadTask(f"{bound}: {reference!r} is neither trigger nor a window's start or end")
    if reference not in known:
        return None
    base, sign, rest = known[reference], found[2], found[3]
    if sign is None:
        return base
    if sign in ("->", "<-"):
        predicate = _known(rest.strip(), predicates)
        aggregate, compare = ("min", ">") if sign == "->" else ("max", "<")
        return (
            f"(select {aggregate}(m.moment_at) {of_subject} and m.moment_at {compare} run.{base} and m.{predicate} > 0)"
        )
    duration = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]+?)s?", rest.strip())
    if not duration or (duration[2].lower() not in _UNITS and duration[2].lower() + "s" not in _UNITS):
        raise BadTask(f"{bound}: {rest!r} is no duration such as 24h or 7 days")
    unit = _UNITS.get(duration[2].lower()) or _UNITS[duration[2].lower() + "s"]
    return f"{base} {sign} {float(duration[1])!r} * interval 1 {unit}"


def _number(bounds: dict[str, str], name: str, window: dict[str, Any], predicate: str) -> str:
    """SQL: how often a predicate holds inside a window."""
    start = ">=" if window.get("start_inclusive") else ">"
    end = "<=" if window.get("end_inclusive") else "<"
    return (
        f"coalesce((select sum(m.{predicate}) from moment as m where m.subject_id = run.subject_id"
        f" and m.moment_at {start} run.{bounds[name + '.start']} and m.moment_at {end} run.{bounds[name + '.end']}), 0)"
    )


def _counts(name: str, text: object) -> tuple[int | None, int | None]:
    found = _COUNT.fullmatch(str(text).strip())
    if not found:
        raise BadTask(f"window {name}: {text!r} is no count such as (1, None)")
    low, high = (None if one == "None" else int(one) for one in found.groups())
    return low, high


def _known(name: str, predicates: dict[str, Any]) -> str:
    if name != _ANY and name not in predicates:
        raise BadTask(f"there is no predicate {name!r}; there are: {', '.join(predicates)}")
    return _safe(name)


def _safe(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadTask(f"{name!r} is no name")
    return f'"{name}"'

"""The careful way: every line is judged on its own, nothing is lost silently."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ehr.fhir import bundles, lines, modifiers, typed, views
from ehr.fhir.source import json_objects, misfit, ndjson
from ehr.fhir.values import quote
from lake.quarantine import MAX_TEXT, BadFile
from lake.sink import Sink

_DETAILS = {
    "invalid_json": "the line is not a JSON value; one resource per line is expected",
    "not_an_object": "the line is JSON, but no object; one resource per line is expected",
    "missing_resource_type": "the object has no resourceType; FHIR resources name their type",
}
_MAX_DOCUMENT_BYTES = 256 << 20
"""A document is held in memory whole, a few times over; a bulk export comes as lines."""
_FEW = 20
"""So many lines of a wrong shape are looked up one by one before all lines are examined."""
_AS_TEXT = "(format csv, header false, delimiter '\x01', quote '', escape '')"


def read(path: Path, sink: Sink, document: bool = False) -> None:
    """Stage all that can be used of a file and account for the rest.

    Args:
        document: the file is one JSON document (a Bundle), not one resource per line.

    Raises:
        BadFile: the file is one document and not JSON.
    """
    numbered = sink.work / "lines.parquet"
    if document:
        _write_document(path, numbered)
    else:
        lines.write(path, numbered, lambda bad: _reject_line(sink, bad))
    sink.count(len(sink.rejected), 0)
    judged = _judge(sink, numbered)
    if judged.get("Bundle"):
        opened = sink.work / "opened.parquet"
        _open_bundles(sink, opened)
        judged = _judge(sink, opened)
    for resource, found in judged.items():
        if resource in views.STAGED:
            _stage(sink, resource)
        else:
            sink.count(found, 0, {f"unsupported resource type {resource}": found})


def _reject_line(sink: Sink, bad: lines.BadLine) -> None:
    sink.reject(f"line {bad.number}", bad.reason, bad.detail, record_no=bad.number, text=bad.text)


def _write_document(path: Path, target: Path) -> None:
    if path.stat().st_size > _MAX_DOCUMENT_BYTES:
        raise BadFile("file_too_large", f"one JSON document of more than {_MAX_DOCUMENT_BYTES:,} bytes; deliver NDJSON")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile("invalid_utf8", f"not UTF-8 at byte {error.start + 1}; convert the file to UTF-8") from None
    text = text.replace("\r", " ").replace("\n", " ")
    pq.write_table(pa.table({"record_no": [1], "position": [None], "line": [text]}, schema=lines.SCHEMA), target)


def _judge(sink: Sink, numbered: Path) -> dict[str, int]:
    """Split the lines into those with a resource type (table ``judged``) and rejected ones; returns types' counts."""
    connection = sink.connection
    connection.execute(
        f"create or replace temp table judged as select record_no, line, type,"
        f" coalesce(position, 'line ' || record_no) as position, case when type is not null then null"
        f" when not json_valid(line) then 'invalid_json'"
        f" when json_type(line) <> 'OBJECT' then 'not_an_object' else 'missing_resource_type' end as problem"
        f" from (select *, case when json_valid(line) then"
        f" nullif(regexp_extract(json_value(line, '$.resourceType'), '^\"([A-Z][A-Za-z]+)\"$', 1), '') end as type"
        f" from read_parquet({quote(str(numbered))})) where type is not null or trim(line, ' \t\r') <> ''"
    )
    _reject(sink, "problem is not null", "problem", None)
    connection.execute("delete from judged where problem is not null")
    counted = connection.execute("select type, count(*) from judged group by type order by type").fetchall()
    return dict(counted)


def _reject(sink: Sink, condition: str, reason: str, table: str | None, detail: str = "null") -> int:
    rejected = sink.connection.execute(
        f"select record_no, position, {reason}, {detail}, left(line, {MAX_TEXT}) from judged where {condition}"
        " order by record_no"
    ).fetchall()
    for record_no, position, why, what, text in rejected:
        sink.reject(position, why, what or _DETAILS[why], record_no=record_no, table=table, text=text)
    sink.count(len(rejected), 0)
    return len(rejected)


def _open_bundles(sink: Sink, target: Path) -> None:
    """Replace Bundles by their entries. Records are then numbered through the whole file."""
    taken = sink.connection.execute("select position, type, line from judged order by record_no")
    number = 0
    with pq.ParquetWriter(target, lines.SCHEMA, **lines.PARQUET) as writer:
        while batch := taken.fetchmany(256):
            rows = []
            for position, kind, line in batch:
                if kind != "Bundle":
                    number += 1
                    rows.append((number, position, line))
                    continue
                found = 0
                try:
                    for ordinal, text in bundles.entries(line):
                        found, number = ordinal, number + 1
                        if text is None:
                            sink.count(1, 0, {"bundle entry without a resource": 1})
                        else:
                            rows.append((number, f"{position}, entry {ordinal}", text))
                except (ValueError, RecursionError):
                    number += 1
                    detail = "the Bundle's entry is not a list of objects, or nests too deep"
                    sink.reject(position, "wrong_shape", detail, record_no=number, text=line[:MAX_TEXT])
                    sink.count(1, 0)
                    continue
                if not found:
                    number += 1
                    sink.count(1, 0, {"empty bundle": 1})
            columns = zip(*rows, strict=True) if rows else ((), (), ())
            writer.write_table(pa.table(dict(zip(lines.SCHEMA.names, columns, strict=True)), schema=lines.SCHEMA))


def _stage(sink: Sink, resource: str) -> None:
    """Stage the judged lines of one type. Lines of a wrong shape are rejected, one by one while they are few."""
    _refuse_modified(sink, resource)
    table = views.STAGED[resource]
    rows = sink.work / f"{table}.rows.parquet"
    for _ in range(_FEW):
        try:
            found = _try_typed(sink, resource, rows)
        except duckdb.Error as error:
            if not _reject_named(sink, resource, str(error)):
                break
            continue
        if found is None:
            break
        sink.write_query(table, f"select * from read_parquet({quote(str(rows))})")
        sink.count(found, found)
        return
    _judge_shapes(sink, resource, f"type = {quote(resource)}")
    good = f"(select * from judged where type = {quote(resource)} and problem is null)"
    sink.write_query(
        table, views.rows(resource, json_objects(good, resource, views.plan(resource).shape, _kept(resource)))
    )
    (accepted,) = sink.connection.execute(f"select count(*) from {good}").fetchone() or (0,)
    sink.count(accepted, accepted)


def _refuse_modified(sink: Sink, resource: str) -> None:
    """Reject the lines whose meaning is changed by something that the view does not read."""
    changed = modifiers.problem("line", resource)
    sink.connection.execute(
        f"update judged set problem = 'modified ' || ({changed})"
        f" where type = {quote(resource)} and problem is null and {modifiers.marked('line')}"
    )
    condition = f"type = {quote(resource)} and starts_with(problem, 'modified ')"
    detail = f"problem[10:] || ' changes the meaning of this {resource} in a way that is not known here'"
    _reject(sink, condition, "'unknown_modifier'", views.STAGED[resource], detail)
    sink.connection.execute(f"update judged set problem = 'reported' where {condition}")


def _kept(resource: str) -> str:
    return "record_no" + (f", {views.literals('line')} as literals" if resource == "Observation" else "")


def _try_typed(sink: Sink, resource: str, target: Path) -> int | None:
    """Write the rows of all lines of a type through the typed reader; the number of lines, ``None`` if in doubt."""
    connection = sink.connection
    good = f"(select * from judged where type = {quote(resource)} and problem is null order by record_no)"
    text, kept = sink.work / f"{resource}.ndjson", sink.work / f"{resource}.kept.parquet"
    connection.execute(f"copy (select line from {good}) to {quote(str(text))} {_AS_TEXT}")
    connection.execute(f"copy (select {_kept(resource)} from {good}) to {quote(str(kept))} (format parquet)")
    typed_lines = ndjson([text], views.plan(resource).columns)
    source = f"(select * from {typed_lines} positional join (select * from read_parquet({quote(str(kept))})))"
    connection.execute(f"copy ({views.rows(resource, source)}) to {quote(str(target))} (format parquet)")
    (expected,) = connection.execute(f"select count(*) from {good}").fetchone() or (0,)
    return expected if typed.complete(connection, target, resource, expected) else None


def _reject_named(sink: Sink, resource: str, message: str) -> bool:
    """Reject the line that the typed reader stumbled over; False if it does not name one, or it looks right."""
    named = re.search(r" in line (\d+)", message)
    if named is None:
        return False
    good = f"select record_no from judged where type = {quote(resource)} and problem is null order by record_no"
    line = sink.connection.execute(f"{good} limit 1 offset {int(named.group(1)) - 1}").fetchone()
    return line is not None and _judge_shapes(sink, resource, f"record_no = {line[0]}") > 0


def _judge_shapes(sink: Sink, resource: str, condition: str) -> int:
    """Reject the lines whose shape is wrong and say where; returns how many. Costs ten times the typed reader."""
    condition = f"{condition} and problem is null"
    wrong = misfit("line", views.plan(resource).shape)
    sink.connection.execute(f"update judged set problem = 'shape ' || ({wrong}) where {condition}")
    detail = f"'{resource} at ' || problem[7:] || ' has not the shape that FHIR R4 gives it'"
    reported = f"type = {quote(resource)} and starts_with(problem, 'shape ')"
    count = _reject(sink, reported, "'wrong_shape'", views.STAGED[resource], detail)
    sink.connection.execute(f"update judged set problem = 'reported' where {reported}")
    return count

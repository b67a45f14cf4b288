"""The careful way: every line is judged on its own, nothing is lost silently."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ehr.fhir import bundles, lines, views
from ehr.fhir.source import json_objects, misfit
from ehr.fhir.values import quote
from lake.quarantine import MAX_TEXT, BadFile
from lake.sink import Sink

_DETAILS = {
    "invalid_json": "the line is not a JSON value; one resource per line is expected",
    "not_an_object": "the line is JSON, but no object; one resource per line is expected",
    "missing_resource_type": "the object has no resourceType; FHIR resources name their type",
}
_MAX_DOCUMENT_BYTES = 1 << 30


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
            _stage(sink, resource, found)
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
        f"create or replace temp table judged as select record_no, line,"
        f" coalesce(position, 'line ' || record_no) as position,"
        f" case when json_valid(line) then json_extract_string(line, '$.resourceType') end as type,"
        f" case when not json_valid(line) then 'invalid_json' when json_type(line) <> 'OBJECT' then 'not_an_object'"
        f" when coalesce(json_type(line, '$.resourceType'), '') <> 'VARCHAR' then 'missing_resource_type' end"
        f" as problem"
        f" from read_parquet({quote(str(numbered))}) where trim(line, ' \t\r') <> ''"
    )
    _reject(sink, "problem is not null", "problem", None)
    connection.execute("delete from judged where problem is not null")
    counted = connection.execute("select type, count(*) from judged group by type order by type").fetchall()
    return dict(counted)


def _reject(sink: Sink, condition: str, reason: str, table: str | None, detail: str = "null") -> None:
    rejected = sink.connection.execute(
        f"select record_no, position, {reason}, {detail}, left(line, {MAX_TEXT}) from judged where {condition}"
        " order by record_no"
    ).fetchall()
    for record_no, position, why, what, text in rejected:
        sink.reject(position, why, what or _DETAILS[why], record_no=record_no, table=table, text=text)
    sink.count(len(rejected), 0)


def _open_bundles(sink: Sink, target: Path) -> None:
    """Replace Bundles by their entries. Records are then numbered through the whole file."""
    taken = sink.connection.execute("select position, type, line from judged order by record_no")
    number = 0
    with pq.ParquetWriter(target, lines.SCHEMA, compression="lz4") as writer:
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
                except ValueError:
                    number += 1
                    detail = "the Bundle's entry is not a list of objects"
                    sink.reject(position, "wrong_shape", detail, record_no=number, text=line[:MAX_TEXT])
                    sink.count(1, 0)
                    continue
                if not found:
                    number += 1
                    sink.count(1, 0, {"empty bundle": 1})
            columns = zip(*rows, strict=True) if rows else ((), (), ())
            writer.write_table(pa.table(dict(zip(lines.SCHEMA.names, columns, strict=True)), schema=lines.SCHEMA))


def _stage(sink: Sink, resource: str, found: int) -> None:
    plan = views.plan(resource)
    table = views.STAGED[resource]
    of_type = f"type = {quote(resource)}"
    sink.connection.execute(f"update judged set problem = {misfit('line', plan.shape)} where {of_type}")
    wrong = f"{of_type} and problem is not null"
    detail = f"'{resource} at ' || problem || ' has not the shape that FHIR R4 gives it'"
    _reject(sink, wrong, "'wrong_shape'", table, detail)
    good = f"(select * from judged where {of_type} and problem is null)"
    keep = "record_no" + (f", {views.literals('line')} as literals" if resource == "Observation" else "")
    source = json_objects(good, resource, plan.shape, keep)
    sink.write_query(table, views.rows(resource, source))
    accepted = sink.connection.execute(f"select count(*) from {good}").fetchone()
    sink.count(accepted[0] if accepted else 0, accepted[0] if accepted else 0)
    del found

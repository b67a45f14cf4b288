"""Segments and their values → rows of the raw tables; every record and every value is counted where it went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import duckdb

from ehr.fhir.values import quote
from ehr.hl7_times import iso_macro
from ehr.hl7v2.context import own, surround
from ehr.hl7v2.judge import gate, judge, strings
from ehr.hl7v2.mapping import ALSO, Part, columns, parts
from ehr.hl7v2.parse import FILE
from ehr.hl7v2.tables import CONTEXT, MESSAGE, TIMES, VALUE
from ehr.leaves import LeafReport
from lake.sink import Sink
from lake.together import RECORDS_PER_FILE

_SPECIAL = {
    "occurrence_no": "cast(row_number() over (partition by judged.message, context.obr_line, own.code, own.code_text,"
    " own.sub_id, own.repetition_no order by judged.record_no) as varchar)",
    # a merge segment often leaves out the issuer that the surviving identifier names
    "prior_patient_id": "own.prior_id || coalesce('^^^' || coalesce(own.prior_authority, context.mrn_authority), '')",
}
"""Columns of the surroundings that need the segment itself."""
_HAS_DELIMITERS = "(name in ('MSH', 'FHS', 'BHS') and length(line) > 4)"


def stage(sink: Sink, files: Sequence[Sink]) -> list[LeafReport]:
    """Judge segments, write all rows, count records and values per file. Needs the tables of ``parse.split``.

    Args:
        sink: takes the rows and rejections, with global record numbers (``lake.together``).
        files: the sinks of the single files, which take the counts; ``[sink]`` for one file.
    """
    connection = sink.connection
    connection.execute(iso_macro("hl7_iso"))
    judge(connection)
    surround(connection)
    present = {name for (name,) in connection.execute("select distinct name from hl7_judged").fetchall()}
    for part in parts():
        if part.segment in present:
            sink.write_query(part.table, _rows(part))
    sink.write_query(VALUE.name, _values())
    _reject(sink)
    _count(connection, files)
    return _leaf_reports(connection, len(files))


def _rows(part: Part) -> str:
    """SQL: the rows that one kind of segment gives one table."""
    context, segment = CONTEXT[part.table], columns(part.table)

    def place(column: str) -> str:
        if column in _SPECIAL:
            return _SPECIAL[column]
        if column in context:
            return f"{'judged' if column in MESSAGE else 'context'}.{column}"
        return f"own.{column}" if column in part.columns else "null"

    listing = [
        "judged.record_no",
        "judged.message_no",
        *(["own.repetition_no"] if part.repeat else []),
        *(["judged.name as segment_name"] if part.table in ALSO else []),
        *(f"{place(one)} as {one}" for one in (*context, *segment)),
        *(f"hl7_iso({place(one)}, judged.message_time) as {one}_iso" for one in (*context, *segment) if one in TIMES),
    ]
    return (
        f"select {', '.join(listing)} from ({own(part.segment, part.columns, part.repeat)}) as own"
        f" inner join hl7_judged as judged using (record_no) left join hl7_context as context using (record_no)"
        f" where {gate(strings(part.messages), strings(part.not_messages), 'judged.message_code')}"
        f" order by judged.record_no{', own.repetition_no' if part.repeat else ''}"
    )


def _values() -> str:
    """SQL: the values that no typed table has a column for."""
    homes = {
        "segment": "disposed.name as segment",
        "patient_id": "context.patient_id",
        "visit_key": "context.visit_key",
    }
    listing = ", ".join(homes.get(one, f"disposed.{one}") for one in VALUE.schema.names)
    return (
        f"select {listing} from hl7_disposed as disposed left join hl7_context as context using (record_no)"
        f" where disposed.problem is null and disposed.rule is null and target = {quote(VALUE.name)}"
        " order by disposed.record_no, field_no, repetition_no, component_no, subcomponent_no"
    )


def _reject(sink: Sink) -> None:
    rejected = sink.connection.execute(
        "select record_no, problem, detail, left(line, 2000) from hl7_judged where problem is not null"
        " order by record_no"
    ).fetchall()
    for record_no, problem, detail, line in rejected:
        sink.reject(f"line {record_no % RECORDS_PER_FILE}", problem, detail, record_no=record_no, text=line)


def _count(connection: duckdb.DuckDBPyConnection, files: Sequence[Sink]) -> None:
    counted = connection.execute(
        f"select {FILE}, case when problem is not null then '!' else coalesce(rule, '') end, count(*)"
        " from hl7_judged group by all"
    ).fetchall()
    for number, one in enumerate(files):
        by_fate = {fate: count for file, fate, count in counted if file == number}
        read, accepted = sum(by_fate.values()), by_fate.pop("", 0)
        by_fate.pop("!", None)
        one.count(read, accepted, by_fate)


def _leaf_reports(connection: duckdb.DuckDBPyConnection, n_files: int) -> list[LeafReport]:
    """Count values per file. Delimiters of a header are two values; a line that cannot be split is one.

    The total is counted from the lines alone, so that a value that no statement took would be missed.
    """
    reports = [LeafReport() for _ in range(n_files)]
    fate = "case when problem is not null then 'rejected' when rule is not null then 'ignored' else {staged} end"
    counted = connection.execute(
        f"""
        select {FILE}, {fate.format(staged="'staged'")}, coalesce(problem, rule, target), count(*)
        from hl7_disposed group by all
        union all
        select {FILE}, {fate.format(staged="'ignored'")}, coalesce(problem, rule, 'delimiters'), 2 * count(*)
        from hl7_judged where {_HAS_DELIMITERS} group by all
        union all
        select {FILE}, {fate.format(staged="'ignored'")}, coalesce(problem, rule), count(*)
        from hl7_judged anti join hl7_leaf using (record_no) where not {_HAS_DELIMITERS} group by all
        """
    ).fetchall()
    for file, kind, name, count in counted:
        found: Counter[str] = getattr(reports[file], kind)
        found[name] += count
    totals = connection.execute(
        f"""
        select file, sum(n) from (
            select {FILE} as file, count(*) as n from hl7_leaf group by all
            union all
            select {FILE}, 2 * count(*) from hl7_segment where {_HAS_DELIMITERS} group by all
            union all
            select {FILE}, count(*) from hl7_segment anti join hl7_leaf using (record_no)
            where not {_HAS_DELIMITERS} group by all
        ) group by file
        """
    ).fetchall()
    for file, total in totals:
        reports[file].total = int(total)
    return reports

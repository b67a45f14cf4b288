"""The one gate of all sample readers: units to canonical, time checked, every record accepted, ignored or rejected.

A reader describes what it found as a query with the columns of ``PARSED``; it decides nothing about units and
plausible time. A record that gave several rows (a blood pressure) is accepted whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from lake.reader import Landed
from lake.sink import Sink
from lake.sql import literal
from lake.together import RECORDS_PER_FILE
from wearables.metrics import metric_table, unit_table

EARLIEST = datetime(1990, 1, 1)
"""No device of the supported vendors existed before; earlier stamps are clocks that lost their date."""

FUTURE_TOLERANCE = timedelta(days=1)

IN_MEMORY_BYTES = 16 << 20
"""Landed files below this size are judged in memory."""

FILE_NO = f"(record_no // {RECORDS_PER_FILE})"
"""SQL: which of the files read together a record belongs to."""

PARSED: dict[str, str] = {
    "record_no": "bigint",
    "kind": "varchar",  # the source's own name of the record type; what ignored records are counted by
    "metric": "varchar",  # null: not a metric of ours, ignored
    "start_at": "timestamp",
    "end_at": "timestamp",
    "utc_offset_min": "bigint",
    "time_zone": "varchar",
    "tz_source": "varchar",
    "local_text": "varchar",
    "value_src": "double",
    "value_text": "varchar",
    "unit_src": "varchar",
    "censor": "varchar",
    "source_type": "varchar",
    "device_name": "varchar",
    "device_model": "varchar",
    "source_app": "varchar",
    "is_user_entered": "boolean",
    "recorded_at": "timestamp",
    "subject": "varchar",
    "problem": "varchar",  # a reason that the reader found itself
    "record_text": "varchar",  # what goes to quarantine
}

DETAILS = {
    "implausible_time": "time must lie between 1990-01-01 and one day after the file arrived; check the device's clock",
    "invalid_time": "start, end or time stamp is missing or not a date and time in the format's own notation",
    "end_before_start": "the interval ends before it starts",
    "time_without_zone": "the format demands a UTC offset or Z in every date-time",
    "invalid_value": "the value is missing or not a finite number",
    "unknown_value": "the category is not one that the format defines",
    "unknown_unit": "the unit is not one that this metric can be converted from; units are never guessed",
    "invalid_utf8": "undecodable bytes in the record; export the file again as UTF-8",
    "malformed_line": "the line cannot be split into the header's columns",
    "malformed_record": "required attributes are missing or cannot be read",
    "invalid_json": "the line is not a JSON object",
    "wrong_shape": "a field that the format requires is missing",
}
"""What to tell people, by reason."""

_TEXT = "coalesce(record_text, concat_ws(' | ', kind, local_text, value_src, value_text, unit_src))"
"""What goes to quarantine: the text that the reader gave, else the record's main fields."""

_NAME = re.compile(r"[A-Za-z0-9_.:/ -]{1,80}")


def received_at(landed: Landed) -> datetime:
    """When the file arrived (UTC, naive): its modification time in landing."""
    return datetime.fromtimestamp(landed.path.stat().st_mtime, UTC).replace(tzinfo=None)


def deliver(
    files: Sequence[Landed], sink: Sink, parsed: str, *, unit: str = "record", one_row_per_record: bool = False
) -> None:
    """Judge and write what a reader found, and account for every record of every file.

    Args:
        files: the file, or the files that are read together; records of the i-th have its global record numbers.
        sink: where rows and rejects go.
        parsed: a query on ``sink.connection`` with the columns of ``PARSED`` (missing ones are null).
        unit: what a record is called in positions (``line``, ``record``, ``message``).
        one_row_per_record: the query gives every record one row, so records need not be told apart.
    """
    connection = sink.connection
    connection.register("metric_dictionary", metric_table())
    connection.register("metric_unit", unit_table())
    present = {row[0] for row in connection.execute(f"describe {parsed}").fetchall()}
    columns = ", ".join(
        f"{f'cast({name} as {kind})' if name in present else f'null::{kind}'} as {name}"
        for name, kind in PARSED.items()
    )
    found = f"select {columns} from ({parsed})"
    limit = latest_sql(files)
    if sum(one.path.stat().st_size for one in files) < IN_MEMORY_BYTES:
        connection.execute(f"create or replace temp table judged as {_judged(f'({found})', limit)}")
    else:  # a large file is staged on disk, so that memory stays bounded
        staged = literal(sink.work / "parsed.parquet")
        connection.execute(f"copy ({found}) to {staged} (format parquet, compression lz4)")
        connection.execute(f"create or replace temp view judged as {_judged(staged, limit)}")
    records = "count(*)" if one_row_per_record else "count(distinct record_no)"
    counts = connection.execute(
        f"select {FILE_NO} as file_no, {records}, {records} filter (reason is not null),"
        f" {records} filter (metric is null) from judged group by file_no order by file_no"
    ).fetchall()
    good = "select * from judged where metric is not null"
    if any(bad for _, _, bad, _ in counts):
        connection.execute(
            "create or replace temp table bad_record as select distinct record_no from judged where reason is not null"
        )
        good += " and record_no not in (select record_no from bad_record)"
        reject_rows(
            sink,
            f"select record_no, arg_min(reason, reason), any_value({_TEXT}) from judged where reason is not null"
            " group by record_no order by record_no",
            "wearable_sample",
            unit,
        )
    if counts:
        sink.write_query("wearable_sample", good)
    ignored: dict[int, dict[str, int]] = {}
    if any(some_ignored for _, _, _, some_ignored in counts):
        for file_no, kind, number in connection.execute(
            f"select {FILE_NO} as file_no, kind, count(*) from"
            " (select record_no, any_value(kind) as kind from judged group by record_no"
            " having count(metric) = 0 and count(reason) = 0) group by file_no, kind order by file_no, kind"
        ).fetchall():
            of_file = ignored.setdefault(file_no, {})
            of_file[type_name(kind)] = of_file.get(type_name(kind), 0) + number
    for file_no, read, bad, _ in counts:
        of_file = ignored.get(file_no, {})
        sink.of(file_no).count(read, read - bad - sum(of_file.values()), of_file)


def latest_sql(files: Sequence[Landed]) -> str:
    """SQL: the latest plausible time of the file that ``record_no`` belongs to."""
    times = [f"timestamp '{received_at(one) + FUTURE_TOLERANCE}'" for one in files]
    return times[0] if len(times) == 1 else f"list_extract([{', '.join(times)}], {FILE_NO} + 1)"


def reject_rows(sink: Sink, query: str, table: str, unit: str) -> dict[int, int]:
    """Put the rows (record_no, reason, text) of a query into quarantine; returns how many by file number."""
    rejected: dict[int, int] = {}
    for record_no, reason, text in sink.connection.execute(query).fetchall():
        file_no, own = divmod(record_no, RECORDS_PER_FILE)
        sink.reject(f"{unit} {own}", reason, DETAILS[reason], record_no=record_no, table=table, text=text)
        rejected[file_no] = rejected.get(file_no, 0) + 1
    return rejected


def type_name(kind: str | None) -> str:
    """A record type as a counter's name: what is not a plain name could be anything and is called ``other``."""
    return kind if kind is not None and _NAME.fullmatch(kind) else "other"


def _judged(staged: str, limit: str) -> str:
    # a category has no unit and its value is text; everything else must convert
    return f"""
        select
            p.* exclude (metric),
            p.metric,
            d.unit,
            case when d.kind <> 'category' then p.value_src * u.factor + u.shift end as value,
            case
                when p.problem is not null then p.problem
                when p.metric is null then null
                when p.start_at is null or p.end_at is null then 'invalid_time'
                when p.start_at < timestamp '{EARLIEST}' or p.end_at > {limit} then 'implausible_time'
                when p.end_at < p.start_at then 'end_before_start'
                when d.kind = 'category' and p.value_text is null then 'unknown_value'
                when d.kind <> 'category' and (p.value_src is null or not isfinite(p.value_src)) then 'invalid_value'
                when d.kind <> 'category' and u.factor is null then 'unknown_unit'
            end as reason
        from {staged} as p
        left join metric_dictionary as d on p.metric = d.metric
        left join metric_unit as u
            on p.metric = u.metric and p.unit_src = u.unit_src and p.value_src > u.above and p.value_src <= u.upto
    """

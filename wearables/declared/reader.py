"""Reads files of declared device formats: the vendors' that ship with the platform, and a site's own."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink
from lake.sql import literal
from wearables import csv_rows, source_text, spreadsheet
from wearables.canonical import EARLIEST, deliver, latest_sql, reject_rows
from wearables.declared import samples
from wearables.declared.entries import Entries, of_lines, of_objects
from wearables.declared.mapping import Mapping, MappingError, load
from wearables.metrics import unit_table
from wearables.tables import WEARABLE_SAMPLE, WEARABLE_WORKOUT

SHIPPED = Path(__file__).parent / "mappings"


@cache
def shipped() -> tuple[Mapping, ...]:
    """The vendors' formats, in the order of their files."""
    return tuple(one for path in sorted(SHIPPED.glob("*.yaml")) for one in load(path))


def own(home: Path) -> list[Mapping]:
    """A site's mappings; a file that is wrong is left out with a warning, so that it does not stop other files."""
    found: list[Mapping] = []
    for path in sorted((home / "mappings" / "wearables").glob("*.yaml")):
        try:
            found += load(path)
        except MappingError as error:
            logging.getLogger(__name__).warning("mapping file left out: %s", error)
    return found


def fitting(landed: Landed) -> list[Mapping]:
    """The mappings of a file: one for CSV (that with the longest header), one or more for JSON; none if it has none."""
    home = next((folder.parent for folder in landed.path.parents if folder.name == "landing"), None)
    candidates = [*(own(home) if home else []), *shipped()]
    if landed.name.endswith(".zip"):
        return []
    start = landed.text_head.lstrip()[:1]
    if start in ("{", "["):
        return [one for one in candidates if not one.is_csv and _is_signed(one, landed)]
    header = {
        name.lower() for name in csv_rows.header_of(spreadsheet.head(landed).split("\n", 1)[0].rstrip("\r")).names
    }
    found = [one for one in candidates if one.is_csv and _has_header(one, header, landed.name)]
    return sorted(found, key=lambda one: -len(one.header))[:1]


def matches(landed: Landed) -> bool:
    """True if a mapping knows the header, or the head of the JSON."""
    return bool(fitting(landed))


def read(landed: Landed, sink: Sink) -> None:
    """Read a file by its mappings.

    Raises:
        BadFile: not readable as CSV or JSON, or day and month of its dates cannot be told apart.
    """
    mappings = fitting(landed)
    text = source_text.plain(landed, sink, counting=(csv_rows.QUOTE,))
    samples.macros(sink)
    sink.connection.register("metric_unit", unit_table())
    if mappings[0].is_csv:
        found, unit = [of_lines(sink, text, mappings[0])], "record"
    else:
        text.must_be_whole()
        found, unit = of_objects(sink, text, mappings)
    sink.note("mapping", ", ".join(one.name for one in mappings))
    rows = [samples.parsed(sink, one) for one in found]
    sessions = _sessions(landed, sink, found, unit)
    deliver([landed], sink, _all(found, rows, sessions), unit=unit)


READER = Reader(
    name="device_table",
    description="CSV and JSON of devices by declared names: Fitabase, Oura, Withings, Whoop, Empatica, Google Fit,"
    " iHealth, Jawbone, Misfit, Moves, RunKeeper, and a site's own mappings.",
    tables=(WEARABLE_SAMPLE, WEARABLE_WORKOUT),
    matches=matches,
    read=read,
)


def _is_signed(mapping: Mapping, landed: Landed) -> bool:
    return mapping.signature is not None and re.search(mapping.signature, landed.text_head) is not None


def _has_header(mapping: Mapping, header: set[str], name: str) -> bool:
    if not all(one.lower() in header for one in mapping.header) or any(one.lower() in header for one in mapping.lacks):
        return False
    return not mapping.files or any(fnmatchcase(name, one) for one in mapping.files)


def _sessions(landed: Landed, sink: Sink, found: Sequence[Entries], unit: str) -> bool:
    """Write the workouts and account for their records; returns whether there were any."""
    queries = [query for one in found for query in samples.workouts(sink, one)]
    if not queries:
        return False
    limit = latest_sql([landed])
    sink.connection.execute(f"""
        create or replace temp table session as
        select *, case
            when start_at is null or end_at is null then 'invalid_time'
            when start_at < timestamp '{EARLIEST}' or end_at > {limit} then 'implausible_time'
            when end_at < start_at then 'end_before_start' end as reason
        from ({" union all by name ".join(queries)})
    """)
    good = sink.write_query("wearable_workout", "select * from session where reason is null")
    bad = "select record_no, reason, record_text from session where reason is not null"
    rejected = reject_rows(sink, bad, "wearable_workout", unit)
    sink.count(good + sum(rejected.values()), good)
    return True


def _all(found: Sequence[Entries], rows: Sequence[str], has_sessions: bool) -> str:
    """Samples, and records that gave none: broken lines, and records without a value of ours."""
    queries = []
    for one, table in zip(found, rows, strict=True):
        other = " and record_no not in (select record_no from session)" if has_sessions else ""
        queries.append(
            f"select *, {literal(one.mapping.app)} as source_app, source_type = 'self_reported' as is_user_entered,"
            f" null::varchar as problem from {table}"
        )
        queries.append(
            f"select record_no, 'nothing measured' as kind, line_problem as problem, record_text from {one.table}"
            f" where record_no not in (select record_no from {table}){other}"
        )
    if not queries:
        raise BadFile("wrong_shape", "no mapping fits the file")
    return " union all by name ".join(queries)

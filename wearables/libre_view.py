"""LibreView CSV or XLSX: the glucose log of FreeStyle Libre sensors, mg/dL or mmol/L as its header says.

A line about the report stands above the header. Times are naive local ones, in the order of day and month of whoever
exported; that order is found by evidence (``date_order``) or the file is refused. Historic values (every 15 minutes)
are glucose of the sensor; scans and strips are read as such, too. ``LO`` and ``HI`` are kept as censored values at the
sensor's limits (40 and 500 mg/dL, FreeStyle Libre user's manual).
"""

from __future__ import annotations

import re

from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink
from wearables import csv_rows, source_text, spreadsheet
from wearables.canonical import deliver
from wearables.date_order import decide, normalised
from wearables.metrics import METRICS
from wearables.source_text import SourceText
from wearables.tables import WEARABLE_SAMPLE

LOW_MG_DL, HIGH_MG_DL = 40.0, 500.0
# record type -> column: the log of the sensor, a scan, a test strip
_TYPES = {"0": "Historic Glucose", "1": "Scan Glucose", "2": "Strip Glucose"}
_UNIT = re.compile(r"Historic Glucose \(?(mg/dL|mmol/L)\)?", re.IGNORECASE)
_HEADER = re.compile(r"^.*Device Timestamp.*Record Type.*$", re.MULTILINE)
_HEADER_LINES = 5


def matches(landed: Landed) -> bool:
    """True for LibreView's header line, below a line or two about the report."""
    return "Historic Glucose" in "\n".join(spreadsheet.head(landed).split("\n", _HEADER_LINES)[:_HEADER_LINES])


def read(landed: Landed, sink: Sink) -> None:
    """Read a log into glucose samples.

    Raises:
        BadFile: no header, or dates of which day and month cannot be told apart.
    """
    text = source_text.plain(landed, sink, counting=(csv_rows.QUOTE,))
    above, body = _below_the_report(text, sink)
    header = body.path.open(encoding="utf-8", errors="replace").readline()
    names = csv_rows.header_of(header.rstrip("\r\n")).names
    unit = next((found.group(1) for name in names if (found := _UNIT.fullmatch(name))), None)
    if unit is None:
        raise BadFile("bad_header", "expected a column 'Historic Glucose mg/dL' or 'Historic Glucose mmol/L'")
    unit = {"mg/dl": "mg/dL", "mmol/l": "mmol/L"}[unit.lower()]
    columns = {"happened": "Device Timestamp", "record_type": "Record Type", "device": "Device"}
    for place, name in _TYPES.items():
        columns[f"value_{place}"] = next((one for one in names if one.startswith(name)), name)
    csv_rows.rows(sink, body, columns)
    order = decide(sink.connection, "(select * from csv_row order by record_no)", "happened")
    if order is None:
        raise BadFile("ambiguous_date", "day and month of the times cannot be told apart; export with ISO dates")
    sink.note("date_order", order[0])
    factor = next(one for one in METRICS if one.name == "glucose").units[unit][0]
    value = " ".join(f"when '{place}' then value_{place}" for place in _TYPES)
    happened = f"try_strptime({normalised('happened')}, '{order[1]}')"
    deliver(
        [landed],
        sink,
        f"""
        with reading as (
            select *, case record_type {value} end as reading, {happened} as happened_at from csv_row
        )
        select
            record_no + {above} as record_no,
            'record type ' || coalesce(record_type, 'none') as kind,
            case when record_type in ('0', '1', '2') then 'glucose' end as metric,
            happened_at as start_at,
            happened_at as end_at,
            'assumed_utc' as tz_source,
            happened as local_text,
            case upper(reading)
                when 'LO' then {LOW_MG_DL / factor!r} when 'HI' then {HIGH_MG_DL / factor!r}
                else try_cast(replace(reading, ',', '.') as double) end as value_src,
            '{unit}' as unit_src,
            case upper(reading) when 'LO' then '<=' when 'HI' then '>=' end as censor,
            case when upper(reading) in ('LO', 'HI') then reading end as value_text,
            case when record_type = '2' then 'device' else 'cgm' end as source_type,
            device as device_name,
            'LibreView' as source_app,
            false as is_user_entered,
            coalesce(line_problem, case when record_type is null then 'wrong_shape' end) as problem,
            record_text
        from reading
        """,
        unit="record",
    )


READER = Reader(
    name="libre_view",
    description="LibreView export (CSV, XLSX) of FreeStyle Libre, mg/dL or mmol/L, in any order of day and month.",
    tables=(WEARABLE_SAMPLE,),
    matches=matches,
    read=read,
)


def _below_the_report(text: SourceText, sink: Sink) -> tuple[int, SourceText]:
    """The text from its header line on, and how many lines stand above."""
    with text.path.open("rb") as source:
        head = source.read(64 << 10).decode("utf-8", "replace")
        found = _HEADER.search(head)
        if found is None:
            raise BadFile("bad_header", "expected a header with 'Device Timestamp' and 'Record Type'")
        above = head[: found.start()]
        target = sink.work / "below.csv"
        source.seek(len(above.encode()))
        with target.open("wb") as out:
            while block := source.read(1 << 20):
                out.write(block)
    counts = {**text.counts, csv_rows.QUOTE: text.counts[csv_rows.QUOTE] - above.encode().count(csv_rows.QUOTE)}
    return above.count("\n"), SourceText(target, text.bad_byte, counts, text.tail)

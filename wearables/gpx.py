"""GPX routes (Apple Health's ``workout-routes``, watches, phones): altitude and speed over time.

Positions are not kept: where somebody was is more than the twin needs. Points without a time say nothing about when,
and are ignored. The schema is GPX 1.1 (topografix.com/GPX/1/1); Apple writes the speed as an extension, in m/s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

import pyarrow as pa

from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink
from wearables import source_text
from wearables.canonical import deliver
from wearables.tables import WEARABLE_SAMPLE

_BLOCK = 1 << 20
_MEASURES = {"ele": ("altitude", "m"), "speed": ("speed", "m/s")}


@dataclass
class _Points:
    """What stands in the track points, in columns; one row per measured value, or one for a point without any."""

    number: list[int] = field(default_factory=list)
    metric: list[str | None] = field(default_factory=list)
    unit: list[str | None] = field(default_factory=list)
    time: list[str | None] = field(default_factory=list)
    value: list[str | None] = field(default_factory=list)


def matches(landed: Landed) -> bool:
    """True for a document whose root is gpx."""
    return "<gpx" in landed.text_head[:4096]


def read(landed: Landed, sink: Sink) -> None:
    """Read the track points of a route into samples.

    Raises:
        BadFile: not well-formed, or a document type is declared (where attacks on XML parsers live).
    """
    text = source_text.plain(landed, sink)
    text.must_be_whole()
    points = _Points()
    parser = _parser(points)
    try:
        with text.path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                parser.Parse(block, False)
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise BadFile("malformed_xml", f"line {error.lineno}: {expat.ErrorString(error.code)}") from None
    rows = {
        "record_no": pa.array(points.number, pa.int64()),
        "metric": pa.array(points.metric, pa.string()),
        "unit_src": pa.array(points.unit, pa.string()),
        "time": pa.array(points.time, pa.string()),
        "reading": pa.array(points.value, pa.string()),
    }
    sink.connection.register("gpx_point", pa.table(rows))
    deliver(
        [landed],
        sink,
        """
        select
            record_no,
            case when metric is null then 'point without a time or a value' else 'point' end as kind,
            metric,
            timezone('UTC', try_cast(time as timestamptz)) as start_at,
            timezone('UTC', try_cast(time as timestamptz)) as end_at,
            'vendor_utc' as tz_source,
            time as local_text,
            try_cast(reading as double) as value_src,
            unit_src,
            'device' as source_type,
            'GPX' as source_app,
            false as is_user_entered,
            case
                when metric is not null and not regexp_full_match(upper(time), '.*(Z|[+-][0-9]{2}:[0-9]{2})')
                    then 'time_without_zone'
            end as problem,
            concat_ws(' | ', metric, time, reading) as record_text
        from gpx_point
        """,
        unit="point",
    )


READER = Reader(
    name="gpx",
    description="GPX routes: altitude and speed over time; positions are not kept.",
    tables=(WEARABLE_SAMPLE,),
    matches=matches,
    read=read,
)


def _parser(points: _Points) -> expat.XMLParserType:
    """An expat parser that fills in the points."""
    found: dict[str, str] = {}
    text: list[str] = []
    number = 0

    def local(tag: str) -> str:
        return tag.rsplit(":", 1)[-1]

    def start(tag: str, _: dict[str, str]) -> None:
        text.clear()
        if local(tag) == "trkpt":
            found.clear()

    def end(tag: str) -> None:
        nonlocal number
        name = local(tag)
        if name in _MEASURES or name == "time":
            found[name] = "".join(text).strip()
        elif name == "trkpt":
            number += 1
            values = [(name, found[name]) for name in _MEASURES if name in found] if "time" in found else []
            for measure, value in values or [("", "")]:
                metric, unit = _MEASURES.get(measure, (None, None))
                points.number.append(number)
                points.metric.append(metric)
                points.unit.append(unit)
                points.time.append(found.get("time"))
                points.value.append(value or None)
        text.clear()

    def refuse(*_: object) -> None:
        raise BadFile("dtd_refused", "a document type or entity is declared inside the document; remove it")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    return parser

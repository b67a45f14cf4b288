"""Daily air quality and weather by region: CSV with region_id, date, parameter, value, unit."""

from __future__ import annotations

from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink
from wearables import csv_rows, source_text
from wearables.canonical import DETAILS, EARLIEST, FUTURE_TOLERANCE, received_at, type_name
from wearables.metrics import environment_unit_table
from wearables.tables import ENVIRONMENT_READING

COLUMNS = ("region_id", "date", "parameter", "value", "unit")


def matches(landed: Landed) -> bool:
    """True when the header has the five columns."""
    return set(COLUMNS) <= {name.lower() for name in csv_rows.header_of(landed.first_line).names}


def read(landed: Landed, sink: Sink) -> None:
    """Read a delivery into readings; unknown parameters are counted as ignored."""
    text = source_text.plain(landed, sink, counting=(csv_rows.QUOTE,))
    names = {name.lower(): name for name in csv_rows.header_of(landed.first_line).names}
    if not set(COLUMNS) <= set(names):
        raise BadFile("bad_header", f"expected the columns {', '.join(COLUMNS)}")
    csv_rows.rows(sink, text, {f"{name}_text": names[name] for name in COLUMNS})
    connection = sink.connection
    connection.register("parameter_unit", environment_unit_table())
    limit = received_at(landed) + FUTURE_TOLERANCE
    connection.execute(f"""
        create or replace temp table reading as
        with parameter as (select distinct metric, unit from parameter_unit)
        select
            r.record_no,
            r.region_id_text as region_id,
            try_cast(r.date_text as date) as date,
            r.parameter_text as parameter,
            parameter.metric is null as is_ignored,
            try_cast(r.value_text as double) * u.factor + u.shift as value,
            parameter.unit,
            r.unit_text as unit_src,
            try_cast(r.value_text as double) as value_src,
            case
                when r.line_problem is not null then r.line_problem
                when r.region_id_text is null or r.parameter_text is null then 'wrong_shape'
                when parameter.metric is null then null
                when not regexp_full_match(coalesce(r.date_text, ''), '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')
                    or try_cast(r.date_text as date) is null then 'invalid_time'
                when try_cast(r.date_text as date) < date '{EARLIEST.date()}'
                    or try_cast(r.date_text as date) > date '{limit.date()}' then 'implausible_time'
                when try_cast(r.value_text as double) is null or not isfinite(try_cast(r.value_text as double))
                    then 'invalid_value'
                when u.factor is null then 'unknown_unit'
            end as reason,
            r.record_text
        from csv_row as r
        left join parameter on r.parameter_text = parameter.metric
        left join parameter_unit as u on r.parameter_text = u.metric and r.unit_text = u.unit_src
    """)
    accepted = sink.write_query("environment_reading", "select * from reading where reason is null and not is_ignored")
    bad = connection.execute(
        "select record_no, reason, record_text from reading where reason is not null order by record_no"
    ).fetchall()
    for number, reason, row in bad:
        sink.reject(
            f"record {number}", reason, DETAILS[reason], record_no=number, table="environment_reading", text=row
        )
    ignored: dict[str, int] = {}
    for parameter, number in connection.execute(
        "select parameter, count(*) from reading where reason is null and is_ignored group by parameter"
    ).fetchall():
        ignored[type_name(parameter)] = ignored.get(type_name(parameter), 0) + number
    sink.count(accepted + len(bad) + sum(ignored.values()), accepted, ignored)


READER = Reader(
    name="environment_csv",
    description="Daily air quality and weather by region (region_id, date, parameter, value, unit).",
    tables=(ENVIRONMENT_READING,),
    matches=matches,
    read=read,
)

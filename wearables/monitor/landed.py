"""What the resident monitor took in and what it raised, as files that are landed like any other: one JSON object a
line.

Lines with ``rule`` are alarms, the others readings as producers wrote them. ``merge`` writes such files; a reading that
also comes with a vendor's dump is merged with it downstream, like readings of any two sources.
"""

from __future__ import annotations

from lake.reader import Landed, Reader
from lake.sink import Sink
from wearables import source_text
from wearables.canonical import deliver, reject_rows
from wearables.json_documents import documents
from wearables.tables import ALARM_EVENT, WEARABLE_SAMPLE

_ZONED = "regexp_full_match(upper({0}), '.*[T ][0-9:.]+(Z|[+-][0-9]{{2}}:[0-9]{{2}})')"


def matches(landed: Landed) -> bool:
    """True for lines of readings, or of alarms."""
    line = landed.first_line
    return line.startswith("{") and '"person"' in line and '"at"' in line and ('"metric"' in line or '"rule"' in line)


def read(landed: Landed, sink: Sink) -> None:
    """Read lines into samples and alarms."""
    documents(sink, [source_text.plain(landed, sink)])
    sink.connection.execute(f"""
        create or replace temp table line as
        select
            record_no,
            record_text,
            json,
            json->>'$.rule' as rule,
            json->>'$.person' as person,
            json->>'$.at' as at_text,
            {_at("json->>'$.at'")} as happened_at
        from document
    """)
    _alarms(sink)
    deliver(
        [landed],
        sink,
        """
        select
            record_no,
            json->>'$.metric' as kind,
            (select metric from metric_dictionary as d where d.metric = json->>'$.metric' and d.kind <> 'category')
                as metric,
            happened_at as start_at,
            happened_at as end_at,
            case when upper(right(at_text, 1)) <> 'Z' then
                (case at_text[-6] when '-' then -1 else 1 end)
                * (try_cast(at_text[-5:-4] as bigint) * 60 + try_cast(at_text[-2:] as bigint)) end as utc_offset_min,
            case when upper(right(at_text, 1)) = 'Z' then 'vendor_utc' else 'vendor_offset' end as tz_source,
            at_text as local_text,
            try_cast(json->>'$.value' as double) as value_src,
            json->>'$.unit' as unit_src,
            'device' as source_type,
            'live' as source_app,
            person as subject,
            case when json is null then 'invalid_json' when person is null then 'wrong_shape'
                when happened_at is null then 'time_without_zone' end as problem,
            record_text
        from line
        where rule is null
        """,
        unit="line",
        one_row_per_record=True,
    )


READER = Reader(
    name="live",
    description="Readings and alarms of the resident monitor, one JSON object a line.",
    tables=(WEARABLE_SAMPLE, ALARM_EVENT),
    matches=matches,
    read=read,
)


def _at(text: str) -> str:
    return f"case when {_ZONED.format(text)} then timezone('UTC', try_cast({text} as timestamptz)) end"


def _alarms(sink: Sink) -> None:
    sink.connection.execute(f"""
        create or replace temp table alarm_line as
        select
            record_no,
            person as subject,
            rule,
            json->>'$.severity' as severity,
            {_at("json->>'$.began'")} as began_at,
            happened_at as raised_at,
            try_cast(json->>'$.evidence.value' as double) as value,
            coalesce(
                try_cast(json->>'$.evidence.baseline' as double), try_cast(json->>'$.evidence.median' as double),
                try_cast(json->>'$.evidence.edge' as double)
            ) as baseline,
            (json->'$.evidence')::varchar as evidence,
            try_cast(json->>'$.is_late' as boolean) as is_late,
            {_at("json->>'$.received_at'")} as received_at,
            {_at("json->>'$.committed_at'")} as committed_at,
            record_text
        from line
        where rule is not null
    """)
    is_timed = "began_at is not null and raised_at is not null"
    good = sink.write_query("alarm_event", f"select * from alarm_line where {is_timed}")
    rejected = reject_rows(
        sink,
        f"select record_no, 'invalid_time', record_text from alarm_line where not ({is_timed})",
        "alarm_event",
        "line",
    )
    sink.count(good + sum(rejected.values()), good)

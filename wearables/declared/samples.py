"""Declared fields become samples and workouts: the SQL of a mapping's parts."""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence

from lake.quarantine import BadFile
from lake.sink import Sink
from lake.sql import literal
from wearables.date_order import decide, normalised
from wearables.declared.entries import Entries, columns_of
from wearables.declared.mapping import Each, Length, Measure, Moment, Part, Text, Workout

_ZONED = "[0-9]{2}.*[0-9]([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)"
_PER_SECOND = {"s": 1.0, "ms": 0.001, "min": 60.0, "h": 3600.0}
_LATEST_S = 4102444800
"""2100: numbers beyond are no seconds since 1970."""
TIMED = (
    "start_at", "end_at", "utc_offset_min", "time_zone", "tz_source", "local_text", "item", "subject", "device_name",
    "device_model", "recorded_at",
)  # fmt: skip


def macros(sink: Sink) -> None:
    """Functions on texts of time that the compiled SQL calls."""
    sink.connection.execute(f"""
        create or replace temp macro has_offset(t) as regexp_matches(t, '[T ]{_ZONED}$');
        create or replace temp macro zoned_at(t) as case when has_offset(t) then
            timezone('UTC', try_cast(regexp_replace(upper(t), '([+-][0-9]{{2}})([0-9]{{2}})$', '\\1:\\2') as
            timestamptz)) end;
        create or replace temp macro minutes_ahead(t) as case
            when upper(t) = 'Z' then 0
            when regexp_full_match(upper(t), '(UTC|GMT)?[+-]?[0-9]{{1,2}}(:?[0-9]{{2}})?') then
                (case when contains(t, '-') then -1 else 1 end) * (
                    60 * try_cast(regexp_extract(t, '([0-9]{{1,2}})(:?[0-9]{{2}})?$', 1) as bigint)
                    + coalesce(try_cast(regexp_extract(t, '([0-9]{{1,2}}):?([0-9]{{2}})?$', 2) as bigint), 0)) end;
        create or replace temp macro offset_in(t) as
            case when has_offset(t) then minutes_ahead(regexp_extract(t, '([Zz]|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$', 1))
            end;
        create or replace temp macro whole_date(t) as
            regexp_replace(t, '^([0-9]{{4}})([0-9]{{2}})([0-9]{{2}})T([0-9]{{2}})([0-9]{{2}})([0-9]{{2}})',
            '\\1-\\2-\\3T\\4:\\5:\\6');
        create or replace temp macro sane(t) as
            case when t between timestamp '1900-01-01' and timestamp '2200-01-01' then t end;
        create or replace temp macro counted(n, per_second) as
            case when try_cast(n as double) between 0 and {_LATEST_S} * per_second
                then make_timestamp(cast(try_cast(n as hugeint) * 1000000 // cast(per_second as hugeint) as bigint))
                end;
    """)


def parsed(sink: Sink, entries: Entries) -> str:
    """Make the temporary table ``<table>_rows`` of a mapping's samples; returns its name.

    Raises:
        BadFile: day and month of the times cannot be told apart.
    """
    queries = [
        _measured(entries, part, measure, _timed(sink, entries, part))
        for part in entries.mapping.parts
        if entries.has(part.has)
        for measure in part.measures
        if _is_there(entries, part, measure)
    ]
    name = f"{entries.table}_rows"
    nothing = """select null::bigint as record_no, null as kind, null as metric, null as value_src, null as value_text,
        null as unit_src, null as censor, null as source_type, null as record_text, """ + ", ".join(
        f"null as {one}" for one in TIMED if one != "item"
    )
    union = " union all by name ".join(queries) if queries else f"{nothing} where false"
    sink.connection.execute(f"create or replace temp table {name} as {union}")
    return name


def workouts(sink: Sink, entries: Entries) -> list[str]:
    """Queries of a mapping's sessions: record_no, the columns of ``wearable_workout``, and record_text."""
    return [
        _session(entries, part.workout, _timed(sink, entries, part))
        for part in entries.mapping.parts
        if part.workout is not None and entries.has(part.has)
    ]


def _is_there(entries: Entries, part: Part, measure: Measure) -> bool:
    names = [*measure.names, *measure.sum]
    return (part.each is not None and not names) or any(name in entries.columns for name in names)


def _timed(sink: Sink, entries: Entries, part: Part) -> str:
    """SQL: the entries of a part, one row for each reading, with ``TIMED``."""
    mapping = entries.mapping
    conditions = ["line_problem is null", *(f"{entries.columns[name]} is not null" for name in part.has)]
    conditions += _conditions(entries, part.when)
    source = f"select * from {entries.table} where {' and '.join(conditions)}"
    first = part.start
    if part.each is not None:
        source = _unfolded(entries, part.each, source)
        first = part.each.start or part.start
    utc, local, offset, text = _moment(sink, entries, first)
    if part.end is not None:
        end_utc, end_local, _, _ = _moment(sink, entries, part.end)
    else:
        end_utc = end_local = "null::timestamp"
    ahead = f"coalesce({offset}, minutes_ahead({_text(entries, mapping.offset)}))" if mapping.offset else offset
    shift = "+ to_microseconds(ahead_us)" if part.each is not None else ""
    unfolded = (
        ", ahead_us, span_us, item, item_no" if part.each is not None else ", null::varchar as item, 0 as item_no"
    )
    if part.each is not None:
        length = "+ to_microseconds(span_us)"
    elif part.lasts is not None:
        length = f"+ to_microseconds(coalesce({_microseconds(entries, part.lasts)}, 0))"
    else:
        length = ""
    zone = _text(entries, mapping.zone) if mapping.zone else "null::varchar"
    recorded = _utc(sink, entries, mapping.recorded) if mapping.recorded else "null::timestamp"
    query = f"""
        select
            * exclude (utc_at, local_at, end_utc, end_local, known_zone),
            known_zone as time_zone,
            {_placed("utc_at", "local_at")} as begins_at,
            {_placed("end_utc", "end_local")} as declared_end_at,
            case
                when known_zone is not null then 'metadata'
                when utc_offset_min is not null and not is_zulu then 'vendor_offset'
                when utc_at is not null then 'vendor_utc'
                else 'assumed_utc'
            end as tz_source
        from (
            select
                record_no, parent_no, record_text{unfolded},
                {", ".join(entries.columns.values())},
                sane({utc}) as utc_at,
                sane({local}) as local_at,
                sane({end_utc}) as end_utc,
                sane({end_local}) as end_local,
                {ahead} as utc_offset_min,
                coalesce(right(upper({text}), 1) = 'Z', false) as is_zulu,
                (select name from pg_timezone_names() where name = {zone} limit 1) as known_zone,
                {text} as local_text,
                {entries.text([mapping.person]) if mapping.person else "null::varchar"} as subject,
                {_text(entries, mapping.device)} as device_name,
                {_text(entries, mapping.model)} as device_model,
                {recorded} as recorded_at
            from ({source})
        )
    """
    end = f"coalesce(declared_end_at, begins_at {shift} {length})"
    if part.until_next:
        follows = "lead(begins_at) over (partition by parent_no order by begins_at, record_no)"
        end = f"coalesce({follows}, {end})" if part.end or length else f"coalesce({follows}, begins_at)"
    return f"select *, begins_at {shift} as start_at, {end} as end_at from ({query})"


def _placed(utc: str, local: str) -> str:
    """SQL: a time in UTC; one on local clocks by its zone, else by its offset, else as if it were UTC."""
    return f"""case
                when {utc} is not null then {utc}
                when known_zone is not null then timezone('UTC', timezone(known_zone, {local}))
                when utc_offset_min is not null then {local} - to_minutes(utc_offset_min)
                else {local}
            end"""


def _unfolded(entries: Entries, each: Each, source: str) -> str:
    """SQL: one row for each reading, with how far it lies behind the first one and how long it lasts."""
    if each.columns:
        listed = f"[{', '.join(entries.columns.get(name, 'null') for name in columns_of(each))}]"
    elif each.letters:
        listed = f"string_split({entries.text([each.letters])}, '')"
    else:
        listed = f"(try_cast({entries.text([each.items or ''])} as json)->>'$[*]')"
    if each.lasting:
        lengths = f"try_cast({entries.text([each.lasting])} as json)->>'$[*]'"
        spans = f"list_transform({lengths}, lambda s: try_cast(s as double))"
        return f"""
            select * exclude (listed, spans), cast(1e6 * coalesce(list_sum(spans[1:item_no]), 0) as bigint) as ahead_us,
                cast(1e6 * coalesce(spans[item_no + 1], 0) as bigint) as span_us
            from (
                select *, unnest(listed) as item, generate_subscripts(listed, 1) - 1 as item_no
                from (select *, {listed} as listed, {spans} as spans from ({source}))
            )"""
    assert each.every is not None
    return f"""
        select * exclude (listed, step_us), item_no * step_us as ahead_us, step_us as span_us
        from (
            select *, unnest(listed) as item, generate_subscripts(listed, 1) - 1 as item_no
            from (select *, {listed} as listed, {_microseconds(entries, each.every)} as step_us from ({source}))
        )"""


def _measured(entries: Entries, part: Part, measure: Measure, timed: str) -> str:
    mapping = entries.mapping
    item = "item" if part.each is not None and not measure.names and not measure.sum else entries.text(measure.names)
    number = _number(item, mapping.decimal)
    if measure.sum:
        numbers = [_number(entries.columns[name], mapping.decimal) for name in measure.sum if name in entries.columns]
        number = " + ".join(f"coalesce({one}, 0)" for one in numbers)
        item = f"coalesce({', '.join(entries.columns[name] for name in measure.sum if name in entries.columns)})"
    if measure.exponent:
        number = f"{number} * power(10, try_cast({entries.text([measure.exponent])} as double))"
    word, censor = "null::varchar", "null::varchar"
    conditions = [f"nullif(trim({item}), '') is not null", *_conditions(entries, measure.when)]
    if measure.missing:
        conditions.append(f"{item} not in ({_listed(measure.missing)})")
        conditions.append(
            f"coalesce({number} not in ({', '.join(measure.missing)}), true)" if _numeric(measure) else "true"
        )
    if measure.is_category:
        silent = [code for code, meaning in measure.values.items() if meaning is None]
        if silent:
            conditions.append(f"{item} not in ({_listed(silent)})")
        word, number = _coded(item, {k: v for k, v in measure.values.items() if v is not None}), "null::double"
    elif measure.limits is not None:
        low, high = (f"lower({item}) = {literal((one or '').lower())}" for one in (measure.below, measure.above))
        number = f"case when {low} then {measure.limits[0]!r} when {high} then {measure.limits[1]!r} else {number} end"
        censor = f"case when {low} then '<=' when {high} then '>=' end"
        word = f"case when {low} or {high} then {item} end"
    # a total is of an interval, a reading of `each` that is no total is of a moment
    ends = "start_at" if part.each is not None and measure.metric not in _LASTING and not part.lasts else "end_at"
    return f"""
        select record_no, {literal(measure.metric)} as kind, {literal(measure.metric)} as metric,
            {", ".join(one if one != "end_at" else f"{ends} as end_at" for one in TIMED if one != "item")},
            {number} as value_src, {word} as value_text, {_text(entries, measure.unit)} as unit_src, {censor} as censor,
            {literal(measure.source_type or mapping.source_type)} as source_type, record_text
        from ({timed}) where {" and ".join(conditions)}
    """


_LASTING = frozenset(
    ("step_count", "flights_climbed", "distance", "distance_cycling", "active_energy", "basal_energy", "total_energy",
     "exercise_time", "stand_time", "sleep_stage", "sleep_duration")
)  # fmt: skip
"""Metrics of intervals: each reading of a row lasts until the next."""


def _session(entries: Entries, workout: Workout, timed: str) -> str:
    decimal = entries.mapping.decimal

    def converted(measure: Measure | None) -> str:
        if measure is None:
            return "null::double"
        unit = _text(entries, measure.unit)
        known = f"metric = {literal(measure.metric)} and unit_src = {unit}"
        factor = f"(select any_value(factor) from metric_unit where {known})"
        return f"nullif({_number(entries.text(measure.names), decimal)}, 0) * {factor}"

    return f"""
        select record_no, lower({_text(entries, workout.activity)}) as activity, start_at, end_at, utc_offset_min,
            time_zone, tz_source, epoch(end_at - start_at) as duration_s, {converted(workout.distance)} as distance_m,
            {converted(workout.energy)} as energy_kcal, device_name, {literal(entries.mapping.app)} as source_app,
            subject, record_text
        from ({timed})
    """


def _moment(sink: Sink, entries: Entries, moment: Moment) -> tuple[str, str, str, str]:
    """SQL of a time: in UTC, else on local clocks, the minutes that the text itself is ahead of UTC, and the text."""
    text = entries.text(moment.names)
    if moment.joined:
        text = f"concat_ws(' ', {', '.join(entries.text([name]) for name in moment.names)})"
    none, no_offset = "null::timestamp", "null::bigint"
    if moment.form in ("epoch_s", "epoch_ms", "epoch_ns"):
        per_second = {"epoch_s": 1, "epoch_ms": 1000, "epoch_ns": 1_000_000_000}[moment.form]
        return f"counted({text}, {per_second})", none, no_offset, text
    if moment.form == "local_epoch_s":
        return none, f"counted({text}, 1)", no_offset, text
    if moment.form in ("iso", "compact"):
        read = f"whole_date({text})" if moment.form == "compact" else text
        naive = f"case when not has_offset({read}) then try_cast({read} as timestamp) end"
        utc = f"zoned_at({read})"
        if entries.mapping.is_utc:
            utc, naive = f"coalesce({utc}, {naive})", none
        return utc, naive, f"offset_in({read})", text
    if moment.form == "day_or_month":
        order = decide(sink.connection, f"(select * from {entries.table} order by record_no)", text)
        if order is None:
            raise BadFile("ambiguous_date", "day and month of the times cannot be told apart; export with ISO dates")
        sink.note("date_order", order[0])
        local = f"try_strptime({normalised(text)}, '{order[1]}')"
    else:
        local = f"try_strptime({text}, [{_listed(moment.formats)}])"
    return (local, none, no_offset, text) if entries.mapping.is_utc else (none, local, no_offset, text)


def _utc(sink: Sink, entries: Entries, moment: Moment) -> str:
    utc, local, _, _ = _moment(sink, entries, moment)
    return f"sane(coalesce({utc}, {local}))"


def _conditions(entries: Entries, when: Table[str, Sequence[str]]) -> list[str]:
    return [
        f"coalesce({entries.text([name])} in ({_listed(codes)}), {'true' if '' in codes else 'false'})"
        for name, codes in when.items()
    ]


def _text(entries: Entries, text: Text | None) -> str:
    """SQL: a text out of a field by its codes, or the constant."""
    if text is None:
        return "null::varchar"
    if text.constant is not None and not text.names:
        return literal(text.constant)
    found = entries.text(text.names)
    if text.values:
        found = _coded(found, text.values)
    return found if text.constant is None else f"coalesce({found}, {literal(text.constant)})"


def _coded(text: str, values: Table[str, str | None]) -> str:
    cases = " ".join(
        f"when {literal(code.lower())} then {literal(one)}" for code, one in values.items() if one is not None
    )
    return f"(case lower({text}) {cases} end)"


def _microseconds(entries: Entries, length: Length) -> str:
    if length.names:
        found = f"try_cast({entries.text(length.names)} as double)"
        usable = f"case when {found} between 0 and {2 * 86400 / _PER_SECOND[length.unit]!r} then {found} end"
        return f"cast({usable} * {1e6 * _PER_SECOND[length.unit]!r} as bigint)"
    return f"{int((length.constant or 0) * 1e6 * _PER_SECOND[length.unit])}"


def _number(text: str, decimal: str) -> str:
    return f"try_cast(replace({text}, ',', '.') as double)" if decimal == "," else f"try_cast({text} as double)"


def _numeric(measure: Measure) -> bool:
    return all(one.lstrip("-").replace(".", "", 1).isdigit() for one in measure.missing)


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(literal(one) for one in texts)

"""Apple Health: ``export.zip`` (whatever its ``export.xml`` is called in the user's language) or the bare XML.

Facts that decide here (reference/wearables.md 0.3 and 4.1): the offset on every time is the phone's offset when it
exported, so it gives UTC but not the local time; the local zone is known only where ``HKTimeZone`` says so. Records
inside ``<Correlation>`` are repeated at top level.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from lake.files import ZIP, decompressed, open_member, unpack_member, zip_members
from lake.quarantine import BadFile
from lake.reader import HEAD_BYTES, Landed, Reader
from lake.sink import Sink
from lake.together import NotTogether, Together
from wearables import source_text
from wearables.apple_health import lines, records, sql
from wearables.apple_health.blocks import NotByLine
from wearables.apple_health.sql import SOURCE_TYPE
from wearables.canonical import EARLIEST, FILE_NO, FUTURE_TOLERANCE, deliver, latest_sql, received_at, reject_rows
from wearables.source_text import SourceText
from wearables.tables import WEARABLE_PROFILE, WEARABLE_SAMPLE, WEARABLE_WORKOUT

_ROOT, _END = b"<HealthData", b"</HealthData>"
_RECORD, _WORKOUT = b"<Record", b"<Workout"
_PEEKED_MEMBERS = 20
_TAIL_BYTES = 4096
LARGE_BYTES = 4 << 20
"""Exports from this size on are read in columns (``records``); below, one statement does it all."""


def matches(landed: Landed) -> bool:
    """True for an Apple Health export: told by its content, a broken zip by its delivery folder."""
    if landed.head.startswith(ZIP):
        try:
            return _export_member(landed, 1 << 40, 1 << 20) is not None
        except BadFile:
            return True
        except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
            return landed.source.startswith("apple")
    return "<HealthData" in landed.text_head


def read(landed: Landed, sink: Sink) -> None:
    """Read an export into samples, workouts and the profile."""
    plain = _unpacked(landed, sink)
    if plain.stat().st_size >= LARGE_BYTES and _read_large(landed, plain, sink):
        return
    text = source_text.clean(plain, sink.work, counting=(_RECORD, _WORKOUT))
    if _END not in text.tail:
        raise BadFile("truncated_xml", "the file ends before </HealthData>; export or copy it again")
    lines.elements(sink, [text.path])
    marks = lines.counted(sink)
    if not _is_complete(marks, text.counts):
        other = sink.work / "elements.xml"
        if lines.rewritten(text.path, other):
            lines.elements(sink, [other])
            marks = lines.counted(sink)
            sink.note("parser", "expat")
        else:
            sink.note("parser", "lines; the file is not well-formed XML")
            # a file that no parser accepts is still usable when every record has its own line
            if marks.get("R", 0) != text.counts[_RECORD]:
                raise BadFile("malformed_xml", "not well-formed XML, and its records do not stand on their own lines")
    _deliver([landed], sink, marks, text.is_damaged)


def _read_large(landed: Landed, plain: Path, sink: Sink) -> bool:
    """Read a large export in columns; False, with nothing written, if that does not account for every record."""
    with plain.open("rb") as stream:
        stream.seek(max(0, plain.stat().st_size - _TAIL_BYTES))
        if _END not in stream.read():
            raise BadFile("truncated_xml", "the file ends before </HealthData>; export or copy it again")
    sql.prepare(sink.connection)
    try:
        found = records.read(plain, sink, received_at(landed) + FUTURE_TOLERANCE)
    except NotByLine:
        sink.discard()
        return False
    lines.elements(sink, [found.lines])
    marks = lines.counted(sink)
    whole = marks | {"clean": marks["clean"] + found.records}
    if not _is_complete(whole, found.tags):
        sink.discard()
        return False
    _deliver([landed], sink, marks, damaged=False, repeated=found.repeated)
    sink.count(found.records, found.accepted, dict(found.ignored))
    return True


def read_together(files: Sequence[Landed], group: Together) -> None:
    """Read several small exports; only such as the line path reads without a remainder."""
    texts = [_text(landed, group.of(number)) for number, landed in enumerate(files)]
    lines.elements(group, [text.path for text in texts])
    marks = lines.counted(group)
    whole = all(_END in text.tail and not text.is_damaged for text in texts)
    if not whole or not _is_complete(marks, sum((Counter(text.counts) for text in texts), Counter())):
        raise NotTogether
    _deliver(files, group, marks, damaged=False)


def kinship(landed: Landed) -> str:
    """Any export goes with any other."""
    return "export"


def _is_complete(marks: Mapping[str, int], tags: Mapping[bytes, int]) -> bool:
    """Every record and workout of the text became one element that could be read; no count can exceed the text's."""
    found = sum(marks.get(mark, 0) for mark in "WSPV")
    return (marks["clean"], found) == (tags[_RECORD], tags[_WORKOUT]) and marks["timed"] == marks.get("W", 0)


def _deliver(
    files: Sequence[Landed], sink: Sink, marks: Mapping[str, int], damaged: bool, repeated: Sequence[int] = ()
) -> None:
    sql.prepare(sink.connection)
    _metadata(sink, marks, repeated)
    _samples(files, sink, damaged)
    if marks.get("W"):
        _workouts(files, sink)
    if marks.get("U"):
        _profile(sink)
    if marks.get("A"):
        _ignored(sink)


READER = Reader(
    name="apple_health",
    description="Apple Health export: export.zip in any language, or its export.xml.",
    tables=(WEARABLE_SAMPLE, WEARABLE_WORKOUT, WEARABLE_PROFILE),
    matches=matches,
    read=read,
    kinship=kinship,
    read_together=read_together,
)


def _export_member(landed: Landed, max_bytes: int, max_ratio: int) -> zipfile.ZipInfo | None:
    members = [
        member
        for member in zip_members(landed.path, max_bytes, max_ratio)
        if member.filename.lower().endswith(".xml") and not member.filename.startswith("__MACOSX/")
    ]
    for member in sorted(members, key=lambda one: -one.file_size)[:_PEEKED_MEMBERS]:
        with open_member(landed.path, member) as stream:
            if _ROOT in stream.read(HEAD_BYTES):
                return member
    return None


def _text(landed: Landed, sink: Sink) -> SourceText:
    return source_text.clean(_unpacked(landed, sink), sink.work, counting=(_RECORD, _WORKOUT))


def _unpacked(landed: Landed, sink: Sink) -> Path:
    """The export's own bytes: of the archive's member, or of the file without gzip or zstd."""
    if not landed.head.startswith(ZIP):
        return decompressed(landed.path, sink.work / "unpacked", sink.settings.max_file_bytes, sink.settings.max_ratio)
    member = _export_member(landed, sink.settings.max_file_bytes, sink.settings.max_ratio)
    if member is None:
        raise BadFile("no_export_xml", "no member of the archive is an Apple Health export")
    target = sink.work / "member.xml"
    unpack_member(landed.path, member, target)
    return target


def _metadata(sink: Sink, marks: Mapping[str, int], repeated: Sequence[int]) -> None:
    """Give time zone and user-entered marks to the element that opened before them; find repeated records."""
    if not marks.get("M"):
        sink.connection.execute("""
            create or replace temp table metadata (line_no bigint, time_zone varchar, is_user_entered boolean);
            create or replace temp table zone (name varchar);
        """)
    else:
        _attach(sink)
    if not marks.get("C"):
        sink.connection.execute("create or replace temp table repeated (line_no bigint)")
    else:
        _repeated(sink)
    if repeated:
        sink.connection.register("repeated_elsewhere", pa.table({"line_no": pa.array(repeated, pa.int64())}))
        sink.connection.execute(
            "insert into repeated select line_no from repeated_elsewhere where line_no not in (from repeated)"
        )


def _attach(sink: Sink) -> None:
    sink.connection.execute("""
        create or replace temp table metadata as
        with entry as (
            select line_no, attribute(parts, 'key') as key, tidy(attribute(parts, 'value')) as value
            from element where mark = 'M'
        ),
        opener as (select line_no, mark from element where mark in ('R', 'W', 'C', 'P'))
        select
            opener.line_no,
            max(entry.value) filter (entry.key = 'HKTimeZone') as time_zone,
            bool_or(entry.value = '1') filter (entry.key = 'HKWasUserEntered') as is_user_entered
        from entry asof join opener on entry.line_no > opener.line_no
        group by opener.line_no
    """)
    sink.connection.execute("""
        create or replace temp table zone as
        select distinct m.time_zone as name
        from metadata as m inner join pg_timezone_names() as known on m.time_zone = known.name
    """)


def _repeated(sink: Sink) -> None:
    """Records of a correlation that stand at top level too."""
    sink.connection.execute("""
        create or replace temp table repeated as
        with boundary as (select line_no, mark from element where mark in ('C', 'c')),
        inside as (
            select r.*
            from (select * from element where mark = 'R') as r
            asof join boundary on r.line_no > boundary.line_no
            where boundary.mark = 'C'
        )
        select distinct inside.line_no
        from inside
        inner join (select * from element where mark = 'R') as twin
            on inside.type = twin.type and inside.started = twin.started and inside.ended = twin.ended
            and inside.value is not distinct from twin.value and inside.unit is not distinct from twin.unit
            and inside.source_name is not distinct from twin.source_name
            and inside.created is not distinct from twin.created
        where twin.line_no not in (select line_no from inside)
    """)


def _samples(files: Sequence[Landed], sink: Sink, is_damaged: bool) -> None:
    damaged = (
        f"when contains(concat_ws('', r.type, r.source_name, r.device, r.value, r.line), '{source_text.REPLACEMENT}')"
        " then 'invalid_utf8'"
        if is_damaged
        else ""
    )
    deliver(
        files,
        sink,
        f"""
        with record as (
            select
                *,
                hk_utc(started) as start_at,
                hk_utc(ended) as end_at,
                hk_utc(created) as created_at,
                hk_offset(started) as export_offset
            from element where mark = 'R'
        )
        select
            r.line_no as record_no,
            case when repeated.line_no is not null then 'repeated_in_correlation' else r.type end as kind,
            case when repeated.line_no is null then t.metric end as metric,
            r.start_at,
            r.end_at,
            case when zone.name is not null
                then date_diff('minute', r.start_at, timezone(zone.name, r.start_at::timestamptz))
                else r.export_offset end as utc_offset_min,
            zone.name as time_zone,
            case when zone.name is not null then 'metadata' else 'export_offset' end as tz_source,
            r.started as local_text,
            case when t.metric <> 'sleep_stage' then try_cast(r.value as double) end as value_src,
            s.stage as value_text,
            unescaped(r.unit) as unit_src,
            case when m.is_user_entered then 'self_reported' else {SOURCE_TYPE.format("r")} end as source_type,
            tidy(named(r.device, 'name:')) as device_name,
            tidy(named(r.device, 'hardware:')) as device_model,
            tidy(r.source_name) as source_app,
            m.is_user_entered,
            r.created_at as recorded_at,
            case
                when not r.is_clean then 'malformed_record'
                {damaged}
            end as problem,
            r.line as record_text
        from record as r
        left join hk_type as t on r.type = t.type
        left join hk_sleep as s on r.value = s.value
        left join metadata as m on r.line_no = m.line_no
        left join zone on m.time_zone = zone.name
        left join repeated on r.line_no = repeated.line_no
        """,
        unit="line",
        one_row_per_record=True,
    )


def _workouts(files: Sequence[Landed], sink: Sink) -> None:
    sink.connection.execute(f"""
        create or replace temp table workout as
        with part as (
            select
                line_no,
                attribute(parts, 'type') as type,
                try_cast(attribute(parts, 'sum') as double) as total,
                attribute(parts, 'unit') as unit
            from element where mark = 'S'
        ),
        total as (
            select
                w.line_no,
                sum(part.total * metres.factor) filter (contains(part.type, 'Distance')) as distance_m,
                sum(part.total * kcal.factor) filter (ends_with(part.type, 'ActiveEnergyBurned')) as energy_kcal
            from part asof join (select line_no from element where mark = 'W') as w on part.line_no > w.line_no
            left join metric_unit as metres on metres.metric = 'distance' and metres.unit_src = part.unit
            left join metric_unit as kcal on kcal.metric = 'active_energy' and kcal.unit_src = part.unit
            group by w.line_no
        ),
        found as (
            select
                w.line_no as record_no,
                regexp_replace(attribute(w.parts, 'workoutActivityType'), '^HKWorkoutActivityType', '') as activity,
                hk_utc(attribute(w.parts, 'startDate')) as start_at,
                hk_utc(attribute(w.parts, 'endDate')) as end_at,
                hk_offset(attribute(w.parts, 'startDate')) as export_offset,
                zone.name as time_zone,
                try_cast(attribute(w.parts, 'duration') as double) as duration,
                attribute(w.parts, 'durationUnit') as duration_unit,
                try_cast(attribute(w.parts, 'totalDistance') as double) as distance,
                attribute(w.parts, 'totalDistanceUnit') as distance_unit,
                try_cast(attribute(w.parts, 'totalEnergyBurned') as double) as energy,
                attribute(w.parts, 'totalEnergyBurnedUnit') as energy_unit,
                tidy(attribute(w.parts, 'sourceName')) as source_app,
                null as subject,
                tidy(named(attribute(w.parts, 'device'), 'name:')) as device_name,
                array_to_string(w.parts, '"') as record_text,
                total.distance_m as part_distance_m,
                total.energy_kcal as part_energy_kcal
            from (select * from element where mark = 'W') as w
            left join total on w.line_no = total.line_no
            left join metadata as m on w.line_no = m.line_no
            left join zone on m.time_zone = zone.name
        )
        select
            found.*,
            case when found.time_zone is not null
                then date_diff('minute', start_at, timezone(found.time_zone, start_at::timestamptz))
                else export_offset end as utc_offset_min,
            case when found.time_zone is not null then 'metadata' else 'export_offset' end as tz_source,
            duration * minutes.factor * 60 as duration_s,
            coalesce(distance * metres.factor, part_distance_m) as distance_m,
            coalesce(energy * kcal.factor, part_energy_kcal) as energy_kcal,
            case
                when start_at is null or end_at is null then 'invalid_time'
                when start_at < timestamp '{EARLIEST}' or end_at > {latest_sql(files)} then 'implausible_time'
                when end_at < start_at then 'end_before_start'
                when (duration is not null and minutes.factor is null)
                    or (distance is not null and metres.factor is null)
                    or (energy is not null and kcal.factor is null) then 'unknown_unit'
            end as reason
        from found
        left join metric_unit as minutes on minutes.metric = 'exercise_time' and minutes.unit_src = duration_unit
        left join metric_unit as metres on metres.metric = 'distance' and metres.unit_src = distance_unit
        left join metric_unit as kcal on kcal.metric = 'active_energy' and kcal.unit_src = energy_unit
    """)
    sink.write_query("wearable_workout", "select * from workout where reason is null")
    rejected = reject_rows(
        sink,
        "select record_no, reason, record_text from workout where reason is not null order by record_no",
        "wearable_workout",
        "line",
    )
    for number, found in _per_file(sink, "select record_no from workout"):
        sink.of(number).count(found, found - rejected.get(number, 0))


def _profile(sink: Sink) -> None:
    sink.write_query(
        "wearable_profile",
        """
        select
            me.line_no as record_no,
            try_cast(attribute(me.parts, 'HKCharacteristicTypeIdentifierDateOfBirth') as date) as birth_date,
            hk_sex.sex,
            hk_blood.blood_type,
            null as time_zone,
            null as display_name
        from (select * from element where mark = 'U') as me
        left join hk_sex on attribute(me.parts, 'HKCharacteristicTypeIdentifierBiologicalSex') = hk_sex.code
        left join hk_blood on attribute(me.parts, 'HKCharacteristicTypeIdentifierBloodType') = hk_blood.code
        """,
    )
    for number, found in _per_file(sink, "select line_no as record_no from element where mark = 'U'"):
        sink.of(number).count(found, found)


def _ignored(sink: Sink) -> None:
    rows = sink.connection.execute(
        f"select {FILE_NO} as file_no, tag, count(*) from (select line_no as record_no, tag from element"
        " where mark = 'A') group by file_no, tag order by file_no, tag"
    ).fetchall()
    for number, tag, found in rows:
        sink.of(number).count(found, 0, {str(tag): found})


def _per_file(sink: Sink, query: str) -> list[tuple[int, int]]:
    """Rows of a query with ``record_no`` by file number."""
    counted = f"select {FILE_NO} as file_no, count(*) from ({query}) group by file_no order by file_no"
    return sink.connection.execute(counted).fetchall()

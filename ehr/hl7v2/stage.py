"""Segments and their values → rows of the raw tables, with patient, visit and order taken from the segments around."""

from __future__ import annotations

import duckdb

from ehr.fhir.values import quote
from ehr.hl7v2.mapping import ALSO, Leaf, Part, columns, parts, rules
from ehr.hl7v2.parse import ENVELOPE
from ehr.hl7v2.tables import CONTEXT, MESSAGE, VALUE
from ehr.leaves import LeafReport
from lake.sink import Sink

_PATIENT_KEYS = ("MR", "PI", "PT")
"""Identifier types (HL7 table 0203) that name the patient in the source, best first; else the first identifier."""
_NATIONAL_IDS = ("NI", "NH", "SS")


def stage(sink: Sink) -> LeafReport:
    """Judge segments, write all rows, count records and leaves. Needs the tables of ``parse.split``."""
    connection = sink.connection
    _judge(connection)
    connection.execute(f"create or replace temp table hl7_disposed as {_disposed()}")
    _contexts(connection)
    present = {name for (name,) in connection.execute("select distinct name from hl7_judged").fetchall()}
    for part in parts():
        if part.segment in present:
            sink.write_query(part.table, _query(part))
    sink.write_query(VALUE.name, _values())
    _reject(sink)
    _count(sink)
    return _leaf_report(connection)


def _judge(connection: duckdb.DuckDBPyConnection) -> None:
    """Say of every line what becomes of it: ``problem`` set: rejected; ``rule`` set: ignored; else staged."""
    connection.execute(
        """
        create or replace temp table hl7_header as
        select segments.message_no,
            max(value) filter (where field_no = 7 and component_no = 1) as message_time,
            max(value) filter (where field_no = 9 and component_no = 1) as message_code,
            max(value) filter (where field_no = 9 and component_no = 2) as trigger_event,
            max(value) filter (where field_no = 10 and component_no = 1) as control_id,
            max(value) filter (where field_no = 11 and component_no = 1) as processing_id
        from hl7_segment as segments
        inner join hl7_leaf as leaves using (record_no)
        where segments.name = 'MSH' and repetition_no = 1 and subcomponent_no = 1
        group by all
        """
    )
    present = " union all ".join(
        f"select {quote(part.segment)} as name, {quote(text)} as required, {leaf.field} as field_no,"
        f" {leaf.component} as component_no, {list(part.messages)}::varchar[] as messages,"
        f" {list(part.not_messages)}::varchar[] as not_messages"
        for part in parts()
        for text, leaves in part.required
        for leaf in leaves
    )
    connection.execute(
        f"""
        create or replace temp table hl7_judged as
        with
            required as ({present}),
            wanted as (
                select segments.record_no, required.required
                from hl7_segment as segments
                left join hl7_header as headers using (message_no)
                inner join required on required.name = segments.name and {_gate('required.messages', 'required.not_messages', 'headers.message_code')}
                left join hl7_leaf as leaves
                    on leaves.record_no = segments.record_no and leaves.field_no = required.field_no
                    and leaves.component_no = required.component_no
                group by all
                having count(leaves.value) = 0
            ),
            missing as (select record_no, min(required) as required from wanted group by record_no),
            batches as (
                select record_no, message_no, name,
                    coalesce(max(case when name in ('BHS', 'FHS') then message_no end) over (
                        order by record_no rows between unbounded preceding and 1 preceding), 0) as messages_before,
                    sum((name = 'BTS')::int) over (order by record_no) as n_batches
                from hl7_segment
            ),
            envelopes as (
                select batches.record_no,
                    case batches.name when 'BTS' then batches.message_no - messages_before else n_batches end as found,
                    try_cast(split_part(segments.line, segments.fs, 2) as bigint) as announced
                from batches inner join hl7_segment as segments using (record_no)
                where batches.name in ('BTS', 'FTS')
            )
        select segments.record_no, segments.message_no, segments.name, segments.line,
            headers.control_id, headers.message_code, headers.trigger_event, headers.message_time,
            case
                when segments.problem is not null then segments.problem
                when missing.required is not null then 'missing_field'
                when envelopes.announced <> envelopes.found then 'batch_count_differs'
            end as problem,
            case
                when segments.problem is not null then segments.detail
                when missing.required is not null
                then segments.name || '-' || replace(missing.required, '|', ' or ' || segments.name || '-') || ' is required and empty'
                else 'the trailer announces ' || envelopes.announced || ', the file holds ' || envelopes.found
                    || '; something is missing, deliver the batch again'
            end as detail,
            case
                when segments.problem is null and segments.name in {ENVELOPE} then 'batch_envelope'
                when segments.problem is null and headers.processing_id in ('T', 'D') then 'training_or_debugging_message'
                when segments.problem is null and segments.line = segments.name then 'empty_segment'
            end as rule
        from hl7_segment as segments
        left join hl7_header as headers using (message_no)
        left join missing using (record_no)
        left join envelopes using (record_no)
        """
    )


def _gate(messages: str, not_messages: str, message_code: str) -> str:
    """SQL: whether a part of the mapping is meant for a message with this code."""
    return (
        f"(len({messages}) = 0 or list_contains({messages}, {message_code}))"
        f" and not list_contains({not_messages}, coalesce({message_code}, ''))"
    )


def _own(segment: str, leaves: dict[str, Leaf], repeat: int | None = None) -> str:
    """SQL: the values of one kind of segment, one row per line (and repetition of the field ``repeat``)."""

    def pick(name: str, leaf: Leaf) -> str:
        return (
            f"max(value) filter (where field_no = {leaf.field} and component_no = {leaf.component}"
            f" and subcomponent_no = {leaf.subcomponent} and repetition_no = 1) as {name}"
        )

    fixed = {name: leaf for name, leaf in leaves.items() if leaf.field != repeat}
    picked = ", ".join(pick(name, leaf) for name, leaf in fixed.items()) or "1 as nothing"
    base = (
        f"select record_no, {picked} from (select record_no from hl7_judged where name = {quote(segment)}"
        f" and problem is null and rule is null) left join (select * from hl7_disposed where name = {quote(segment)}"
        f" and rule is null) using (record_no) group by record_no"
    )
    if repeat is None:
        return base
    varying = ", ".join(
        f"max(value) filter (where component_no = {leaf.component} and subcomponent_no = {leaf.subcomponent}) as {name}"
        for name, leaf in leaves.items()
        if leaf.field == repeat
    )
    return (
        f"select base.*, coalesce(reps.repetition_no, 1) as repetition_no, reps.* exclude (record_no, repetition_no)"
        f" from ({base}) as base left join (select record_no, repetition_no, {varying} from hl7_disposed"
        f" where name = {quote(segment)} and rule is null and field_no = {repeat} group by all) as reps"
        f" using (record_no)"
    )


def _contexts(connection: duckdb.DuckDBPyConnection) -> None:
    """What surrounds each line. A rejected PID still ends the one before: its segments belong to nobody else."""
    preferred = ", ".join(quote(one) for one in _PATIENT_KEYS)
    national = ", ".join(quote(one) for one in _NATIONAL_IDS)
    identifiers = {"id": Leaf(3, 1, 1), "authority": Leaf(3, 4, 1), "authority_id": Leaf(3, 4, 2), "type": Leaf(3, 5, 1)}
    connection.execute(
        f"""
        create or replace temp table hl7_patient as
        with
            identifiers as (
                select *, coalesce(authority, authority_id) as issuer,
                    coalesce(list_position([{preferred}], type), 9) as rank_no
                from ({_own("PID", identifiers, 3)})
            ),
            best as (
                select record_no, id, issuer from identifiers where id is not null
                qualify row_number() over (partition by record_no order by rank_no, repetition_no) = 1
            ),
            national as (
                select record_no, min_by(id, repetition_no) as id from identifiers
                where type in ({national}) group by record_no
            ),
            further as ({_own("PID", {"external_id": Leaf(2, 1, 1), "ssn": Leaf(19, 1, 1), "account": Leaf(18, 1, 1)})})
        select further.record_no as pid_line, coalesce(best.id, further.external_id) as mrn,
            best.issuer as mrn_authority, coalesce(mrn || '^^^' || mrn_authority, mrn) as patient_id,
            coalesce(national.id, further.ssn) as national_id, further.account
        from further left join best using (record_no) left join national using (record_no)
        """
    )
    visits = {"visit_number": Leaf(19, 1, 1), "alternate": Leaf(50, 1, 1)}
    orders = {
        "order_control": Leaf(1, 1, 1), "placer": Leaf(2, 1, 1), "filler": Leaf(3, 1, 1), "ordered_at": Leaf(9, 1, 1)
    }  # fmt: skip
    reports = {
        "placer": Leaf(2, 1, 1), "filler": Leaf(3, 1, 1), "code": Leaf(4, 1, 1), "text": Leaf(4, 2, 1),
        "observed_at": Leaf(7, 1, 1), "reported_at": Leaf(22, 1, 1),
    }  # fmt: skip
    events = {"event_recorded_at": Leaf(2, 1, 1), "event_at": Leaf(6, 1, 1)}
    timing = {"timing_start": Leaf(7, 1, 1), "timing_end": Leaf(8, 1, 1)}
    connection.execute(
        f"""
        create or replace temp table hl7_context as
        with
            marked as (
                select record_no, message_no, name,
                    {", ".join(f"max(case when name = '{n}' then record_no end) over before as {n.lower()}_line" for n in ("PID", "PV1", "ORC", "OBR", "EVN"))},
                    max(case when name = 'OBR' then record_no end) over earlier as earlier_obr,
                    count(case when name = 'ORC' then 1 end) over before as block
                from hl7_segment
                window before as (partition by message_no order by record_no rows between unbounded preceding and current row),
                    earlier as (partition by message_no order by record_no rows between unbounded preceding and 1 preceding)
            ),
            scoped as (
                select record_no, message_no, block, pid_line, evn_line, coalesce(pid_line, 0) as since,
                    case when pv1_line > since then pv1_line end as pv1_line,
                    case when obr_line > since then obr_line end as obr_line,
                    -- one ORC belongs to the next OBR, not to the ones after it
                    case when orc_line > since and not (name = 'OBR' and coalesce(earlier_obr, 0) > orc_line) then orc_line end as orc_line
                from marked
            ),
            timings as (
                select message_no, block, max_by(timing_start, record_no) as timing_start, max_by(timing_end, record_no) as timing_end
                from ({_own("TQ1", timing)}) inner join marked using (record_no) group by all
            ),
            routes as (
                select message_no, block, min_by(coalesce(text, code), record_no) as route
                from ({_own("RXR", {"code": Leaf(1, 1, 1), "text": Leaf(1, 2, 1)})}) inner join marked using (record_no) group by all
            ),
            resources as (
                select message_no, min_by(start_at, record_no) as resource_start
                from ({_own("AIS", {"start_at": Leaf(4, 1, 1)})}) inner join marked using (record_no) group by all
            )
        select scoped.record_no, scoped.message_no, patients.patient_id, patients.mrn, patients.mrn_authority, patients.national_id,
            coalesce(visits.visit_number, patients.account, visits.alternate) as visit_key,
            events.event_at, events.event_recorded_at, orders.order_control, orders.ordered_at,
            orders.placer as placer_number, orders.filler as filler_number, scoped.obr_line,
            coalesce(reports.placer, report_orders.placer) as order_placer_number,
            coalesce(reports.filler, report_orders.filler) as order_filler_number,
            coalesce(reports.code, reports.text) as order_code, reports.observed_at as order_observed_at,
            reports.reported_at as order_reported_at,
            timings.timing_start, timings.timing_end, routes.route, resources.resource_start
        from scoped
        left join hl7_patient as patients using (pid_line)
        left join ({_own("PV1", visits)}) as visits on visits.record_no = scoped.pv1_line
        left join ({_own("ORC", orders)}) as orders on orders.record_no = scoped.orc_line
        left join ({_own("OBR", reports)}) as reports on reports.record_no = scoped.obr_line
        left join scoped as report_lines on report_lines.record_no = scoped.obr_line
        left join ({_own("ORC", orders)}) as report_orders on report_orders.record_no = report_lines.orc_line
        left join ({_own("EVN", events)}) as events on events.record_no = scoped.evn_line
        left join timings on timings.message_no = scoped.message_no and timings.block = scoped.block
        left join routes on routes.message_no = scoped.message_no and routes.block = scoped.block
        left join resources on resources.message_no = scoped.message_no
        """
    )


def _query(part: Part) -> str:
    """SQL: the rows that one kind of segment gives one table."""
    table = part.table
    special = {
        "occurrence_no": "cast(row_number() over (partition by judged.message_no, context.obr_line, own.code,"
        " own.code_text, own.sub_id, own.repetition_no order by judged.record_no) as varchar)",
        # a merge segment often leaves out the issuer that the surviving identifier names
        "prior_patient_id": "own.prior_id || coalesce('^^^' || coalesce(own.prior_authority, context.mrn_authority), '')",
    }
    listing = [
        "judged.record_no",
        "judged.message_no",
        *(["own.repetition_no"] if part.repeat else []),
        *(f"{special[one]} as {one}" if one in special else f"{_home(one)}.{one}" for one in CONTEXT[table]),
        *(["judged.name as segment_name"] if table in ALSO else []),
        *(f"own.{one}" if one in part.columns else f"null as {one}" for one in columns(table)),
    ]
    return (
        f"select {', '.join(listing)} from ({_own(part.segment, part.columns, part.repeat)}) as own"
        f" inner join hl7_judged as judged using (record_no) left join hl7_context as context using (record_no)"
        f" where {_gate(_list(part.messages), _list(part.not_messages), 'judged.message_code')}"
    )


def _home(column: str) -> str:
    return "judged" if column in MESSAGE else "context"


def _list(values: tuple[str, ...]) -> str:
    return f"{list(values)}::varchar[]"


def _disposed() -> str:
    """SQL: every value with what became of it: ``problem``, ``rule`` or ``target`` table."""

    def place(part: Part, leaf: Leaf) -> str:
        return (
            f"({quote(part.segment)}, {leaf.field}, {leaf.component}, {leaf.subcomponent}, {part.repeat == leaf.field},"
            f" {_list(part.messages)}, {_list(part.not_messages)}, {quote(part.table)})"
        )

    mapped = ", ".join(place(part, leaf) for part in parts() for leaf in part.columns.values())
    ruled = ", ".join(
        f"({quote(one.segment)}, {one.field}, {one.component or 'null'}, {_list(one.value_types)}, {quote(one.name)})"
        for one in rules()
    )
    return f"""
        with
            mapped (name, field_no, component_no, subcomponent_no, is_repeated, messages, not_messages, target) as (values {mapped}),
            ruled (name, field_no, component_no, value_types, rule) as (values {ruled}),
            types as (
                select record_no, min(value) as value_type from hl7_leaf
                inner join hl7_judged using (record_no) where name = 'OBX' and field_no = 2 group by record_no
            )
        select leaves.*, judged.* exclude (record_no, rule, problem, detail, line),
            judged.problem, coalesce(judged.rule, ruled.rule) as rule, coalesce(mapped.target, {quote(VALUE.name)}) as target
        from hl7_leaf as leaves
        inner join hl7_judged as judged using (record_no)
        left join types using (record_no)
        left join ruled
            on ruled.name = judged.name and ruled.field_no = leaves.field_no
            and coalesce(ruled.component_no = leaves.component_no, true)
            and (len(ruled.value_types) = 0 or list_contains(ruled.value_types, types.value_type))
        left join mapped
            on mapped.name = judged.name and mapped.field_no = leaves.field_no
            and mapped.component_no = leaves.component_no and mapped.subcomponent_no = leaves.subcomponent_no
            and (mapped.is_repeated or leaves.repetition_no = 1)
            and {_gate('mapped.messages', 'mapped.not_messages', 'judged.message_code')}
    """


def _values() -> str:
    listing = ", ".join(
        {"segment": "disposed.name as segment", "message_no": "disposed.message_no"}.get(
            one, f"{'context' if one in ('patient_id', 'visit_key') else 'disposed'}.{one}"
        )
        for one in VALUE.schema.names
    )
    return (
        f"select {listing} from hl7_disposed as disposed left join hl7_context as context using (record_no)"
        f" where disposed.problem is null and disposed.rule is null and target = {quote(VALUE.name)}"
    )


def _reject(sink: Sink) -> None:
    rows = sink.connection.execute(
        "select record_no, name, problem, detail, left(line, 2000) from hl7_judged where problem is not null order by record_no"
    ).fetchall()
    for record_no, _, problem, detail, line in rows:
        sink.reject(f"line {record_no}", problem, detail, record_no=record_no, text=line)


def _count(sink: Sink) -> None:
    total, staged = sink.connection.execute(
        "select count(*), count(*) filter (where problem is null and rule is null) from hl7_judged"
    ).fetchone() or (0, 0)
    ignored = sink.connection.execute(
        "select rule, count(*) from hl7_judged where problem is null and rule is not null group by rule"
    ).fetchall()
    sink.count(total, staged, dict(ignored))


def _leaf_report(connection: duckdb.DuckDBPyConnection) -> LeafReport:
    """Count leaves. Delimiters of a header are leaves too; a line that cannot be split is one leaf."""
    report = LeafReport()
    counted = connection.execute(
        """
        select case when problem is not null then 'rejected' when rule is not null then 'ignored' else 'staged' end,
            coalesce(problem, rule, target), count(*)
        from hl7_disposed group by all
        union all
        select case when problem is not null then 'rejected' else 'ignored' end,
            coalesce(problem, case when name = 'MSH' then coalesce(rule, 'delimiters') else rule end), 2 * count(*)
        from hl7_judged where name in ('MSH', 'FHS', 'BHS') and length(line) > 4 group by all
        union all
        select case when problem is not null then 'rejected' else 'ignored' end, coalesce(problem, rule, 'empty_segment'), count(*)
        from hl7_judged anti join hl7_leaf using (record_no)
        where not (name in ('MSH', 'FHS', 'BHS') and length(line) > 4) group by all
        """
    ).fetchall()
    for kind, name, count in counted:
        getattr(report, kind)[name] += count
    # counted from the lines alone, so that a value that no statement took would be missed
    (leaves,) = connection.execute("select count(*) from hl7_leaf").fetchone() or (0,)
    (heads,) = connection.execute(
        "select count(*) from hl7_judged where name in ('MSH', 'FHS', 'BHS') and length(line) > 4"
    ).fetchone() or (0,)
    (bare,) = connection.execute(
        "select count(*) from hl7_judged anti join hl7_leaf using (record_no)"
        " where not (name in ('MSH', 'FHS', 'BHS') and length(line) > 4)"
    ).fetchone() or (0,)
    report.total = leaves + 2 * heads + bare
    return report

"""What surrounds each segment: the patient, the visit, the order and its timing (HL7 v2 message structures)."""

from __future__ import annotations

import duckdb

from ehr.fhir.values import quote
from ehr.hl7v2.mapping import Leaf

_PATIENT_KEYS = ("MR", "PI", "PT")
"""Identifier types (HL7 table 0203) that name the patient in the source, best first; else the first identifier."""
_NATIONAL_IDS = ("NI", "NH", "SS")

_IDENTIFIERS = {"id": Leaf(3, 1, 1), "authority": Leaf(3, 4, 1), "authority_id": Leaf(3, 4, 2), "type": Leaf(3, 5, 1)}
_FURTHER = {"external_id": Leaf(2, 1, 1), "ssn": Leaf(19, 1, 1), "account": Leaf(18, 1, 1)}
_VISIT = {"visit_number": Leaf(19, 1, 1), "alternate": Leaf(50, 1, 1)}
_ORDER = {
    "order_control": Leaf(1, 1, 1),
    "placer": Leaf(2, 1, 1),
    "filler": Leaf(3, 1, 1),
    "ordered_at": Leaf(9, 1, 1),
}
_REPORT = {
    "placer": Leaf(2, 1, 1),
    "filler": Leaf(3, 1, 1),
    "code": Leaf(4, 1, 1),
    "text": Leaf(4, 2, 1),
    "observed_at": Leaf(7, 1, 1),
    "reported_at": Leaf(22, 1, 1),
    "section": Leaf(24, 1, 1),
}
_EVENT = {"event_recorded_at": Leaf(2, 1, 1), "event_at": Leaf(6, 1, 1)}
_TIMING = {"timing_start": Leaf(7, 1, 1), "timing_end": Leaf(8, 1, 1)}
_ROUTE = {"code": Leaf(1, 1, 1), "text": Leaf(1, 2, 1)}
_RESOURCE = {"start_at": Leaf(4, 1, 1)}


def own(segment: str, leaves: dict[str, Leaf], repeat: int | None = None) -> str:
    """SQL: the values of one kind of segment, one row per line (and repetition of the field ``repeat``)."""

    def pick(name: str, leaf: Leaf) -> str:
        return (
            f"max(value) filter (where field_no = {leaf.field} and component_no = {leaf.component}"
            f" and subcomponent_no = {leaf.subcomponent} and repetition_no = 1) as {name}"
        )

    picked = ", ".join(pick(n, leaf) for n, leaf in leaves.items() if leaf.field != repeat) or "1 as nothing"
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
        f" where name = {quote(segment)} and rule is null and field_no = {repeat} group by record_no, repetition_no)"
        f" as reps using (record_no)"
    )


def surround(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``hl7_context``, one row per line. A rejected PID still ends the one before: nobody inherits its rows."""
    connection.execute(_patients())
    connection.execute(_contexts())


def _patients() -> str:
    preferred = ", ".join(quote(one) for one in _PATIENT_KEYS)
    national = ", ".join(quote(one) for one in _NATIONAL_IDS)
    return f"""
create or replace temp table hl7_patient as
with
    identifiers as (
        select *, coalesce(authority, authority_id) as issuer,
            coalesce(list_position([{preferred}], type), 9) as rank_no
        from ({own("PID", _IDENTIFIERS, 3)})
    ),
    best as (
        select record_no, id, issuer from identifiers where id is not null
        qualify row_number() over (partition by record_no order by rank_no, repetition_no) = 1
    ),
    national as (
        select record_no, min_by(id, repetition_no) as id from identifiers where type in ({national}) group by record_no
    ),
    further as ({own("PID", _FURTHER)})
select further.record_no as pid_line, coalesce(best.id, further.external_id) as mrn, best.issuer as mrn_authority,
    coalesce(mrn || '^^^' || mrn_authority, mrn) as patient_id, coalesce(national.id, further.ssn) as national_id,
    further.account
from further left join best using (record_no) left join national using (record_no)
"""


def _contexts() -> str:
    kinds = ("PID", "PV1", "ORC", "OBR", "EVN")
    last = ", ".join(
        f"max(case when name = '{one}' then record_no end) over before as {one.lower()}_line" for one in kinds
    )
    block = "using (record_no) group by message, block"
    return f"""
create or replace temp table hl7_context as
with
    marked as (
        select record_no, message, name, {last},
            min(case when name = 'PID' then record_no end) over (partition by message) as first_pid,
            max(case when name = 'OBR' then record_no end) over earlier as earlier_obr,
            count(case when name = 'ORC' then 1 end) over before as block
        from hl7_segment
        where message is not null
        window
            before as (
                partition by message order by record_no rows between unbounded preceding and current row
            ),
            earlier as (
                partition by message order by record_no rows between unbounded preceding and 1 preceding
            )
    ),
    scoped as (
        -- what stands before the first PID (SCH, EVN) is about the patient that follows
        select record_no, message, block, coalesce(pid_line, first_pid) as pid_line, evn_line,
            coalesce(marked.pid_line, 0) as since,
            case when pv1_line > since then pv1_line end as pv1_line,
            case when obr_line > since then obr_line end as obr_line,
            -- one ORC belongs to the next OBR, not to the ones after it
            case
                when orc_line > since and not (name = 'OBR' and coalesce(earlier_obr, 0) > orc_line) then orc_line
            end as orc_line
        from marked
    ),
    timings as (
        select message, block, max_by(timing_start, record_no) as timing_start,
            max_by(timing_end, record_no) as timing_end
        from ({own("TQ1", _TIMING)}) inner join marked {block}
    ),
    routes as (
        select message, block, min_by(coalesce(text, code), record_no) as route
        from ({own("RXR", _ROUTE)}) inner join marked {block}
    ),
    resources as (
        select message, min_by(start_at, record_no) as resource_start
        from ({own("AIS", _RESOURCE)}) inner join marked using (record_no) group by message
    ),
    orders as ({own("ORC", _ORDER)})
select scoped.record_no, patients.patient_id, patients.mrn, patients.mrn_authority, patients.national_id,
    coalesce(visits.visit_number, patients.account, visits.alternate) as visit_key,
    events.event_at, events.event_recorded_at, orders.order_control, orders.ordered_at,
    orders.placer as placer_number, orders.filler as filler_number, scoped.obr_line,
    coalesce(reports.placer, report_orders.placer) as order_placer_number,
    coalesce(reports.filler, report_orders.filler) as order_filler_number,
    coalesce(reports.code, reports.text) as order_code, upper(reports.section) as order_section,
    reports.observed_at as order_observed_at, reports.reported_at as order_reported_at,
    timings.timing_start, timings.timing_end, routes.route, resources.resource_start
from scoped
left join hl7_patient as patients using (pid_line)
left join ({own("PV1", _VISIT)}) as visits on visits.record_no = scoped.pv1_line
left join orders on orders.record_no = scoped.orc_line
left join ({own("OBR", _REPORT)}) as reports on reports.record_no = scoped.obr_line
left join scoped as report_lines on report_lines.record_no = scoped.obr_line
left join orders as report_orders on report_orders.record_no = report_lines.orc_line
left join ({own("EVN", _EVENT)}) as events on events.record_no = scoped.evn_line
left join timings on timings.message = scoped.message and timings.block = scoped.block
left join routes on routes.message = scoped.message and routes.block = scoped.block
left join resources on resources.message = scoped.message
"""

"""What becomes of every segment: staged, left out by a rule, or rejected with a reason; and of every value in it."""

from __future__ import annotations

import duckdb

from ehr.fhir.values import quote
from ehr.hl7v2.mapping import Leaf, Part, parts, rules
from ehr.hl7v2.parse import ENVELOPE, FILE
from ehr.hl7v2.tables import VALUE

_HEADER = """
create or replace temp table hl7_header as
select segments.message,
    max(value) filter (where field_no = 7 and component_no = 1) as message_time,
    max(value) filter (where field_no = 9 and component_no = 1) as message_code,
    max(value) filter (where field_no = 9 and component_no = 2) as trigger_event,
    max(value) filter (where field_no = 10 and component_no = 1) as control_id,
    max(value) filter (where field_no = 11 and component_no = 1) as processing_id
from hl7_segment as segments
inner join hl7_leaf as leaves using (record_no)
where segments.name = 'MSH' and repetition_no = 1 and subcomponent_no = 1
group by segments.message
"""


def judge(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``hl7_judged`` (one row per line) and ``hl7_disposed`` (one row per value) from ``parse.split``'s tables.

    In both, ``problem`` is set where something is rejected, ``rule`` where it is left out; else it is staged.
    """
    connection.execute(_HEADER)
    connection.execute(_judged())
    connection.execute(f"create or replace temp table hl7_disposed as {_disposed()}")


def gate(messages: str, not_messages: str, message_code: str) -> str:
    """SQL: whether a part of the mapping is meant for a message with this code."""
    return (
        f"(len({messages}) = 0 or list_contains({messages}, {message_code}))"
        f" and not list_contains({not_messages}, coalesce({message_code}, ''))"
    )


def strings(values: tuple[str, ...]) -> str:
    """SQL: a list of text."""
    return f"{list(values)}::varchar[]"


def _required() -> str:
    """SQL: the fields that a segment must have; of alternatives (one text, several rows) one is enough."""
    return " union all ".join(
        f"select {quote(part.segment)} as name, {quote(text)} as required, {leaf.field} as field_no,"
        f" {leaf.component} as component_no, {strings(part.messages)} as messages,"
        f" {strings(part.not_messages)} as not_messages"
        for part in parts()
        for text, leaves in part.required
        for leaf in leaves
    )


def _judged() -> str:
    gated = gate("required.messages", "required.not_messages", "headers.message_code")
    return f"""
create or replace temp table hl7_judged as
with
    required as ({_required()}),
    wanted as (
        select segments.record_no, required.required
        from hl7_segment as segments
        left join hl7_header as headers using (message)
        inner join required on required.name = segments.name and {gated}
        left join hl7_leaf as leaves
            on leaves.record_no = segments.record_no and leaves.field_no = required.field_no
            and leaves.component_no = required.component_no
        group by segments.record_no, required.required
        having count(leaves.value) = 0
    ),
    missing as (select record_no, min(required) as required from wanted group by record_no),
    batches as (
        select record_no, message_no, name,
            coalesce(
                max(case when name in ('BHS', 'FHS') then message_no end) over (
                    partition by {FILE} order by record_no rows between unbounded preceding and 1 preceding
                ), 0
            ) as messages_before,
            sum((name = 'BTS')::int) over (partition by {FILE} order by record_no) as n_batches
        from hl7_segment
    ),
    -- a trailer says how many messages or batches it closes
    envelopes as (
        select batches.record_no,
            case batches.name when 'BTS' then batches.message_no - messages_before else n_batches end as found,
            try_cast(split_part(segments.line, segments.fs, 2) as bigint) as announced
        from batches inner join hl7_segment as segments using (record_no)
        where batches.name in ('BTS', 'FTS')
    )
select segments.record_no, segments.message, segments.message_no, segments.name, segments.line,
    headers.control_id, headers.message_code, headers.trigger_event, headers.message_time,
    case
        when segments.problem is not null then segments.problem
        when missing.required is not null then 'missing_field'
        when envelopes.announced <> envelopes.found then 'batch_count_differs'
    end as problem,
    case
        when segments.problem is not null then segments.detail
        when missing.required is not null
        then segments.name || '-' || replace(missing.required, '|', ' or ' || segments.name || '-')
            || ' is required and empty'
        else 'the trailer announces ' || envelopes.announced || ', the file holds ' || envelopes.found
            || '; something is missing, deliver the batch again'
    end as detail,
    case
        when segments.problem is null and segments.name in {ENVELOPE} then 'batch_envelope'
        when segments.problem is null and headers.processing_id in ('T', 'D') then 'training_or_debugging_message'
        when segments.problem is null and segments.line = segments.name then 'empty_segment'
    end as rule
from hl7_segment as segments
left join hl7_header as headers using (message)
left join missing using (record_no)
left join envelopes using (record_no)
"""


def _disposed() -> str:
    """SQL: every value with its segment's fate, else the rule that leaves it out, else its ``target`` table."""

    def place(part: Part, leaf: Leaf) -> str:
        return (
            f"({quote(part.segment)}, {leaf.field}, {leaf.component}, {leaf.subcomponent},"
            f" {part.repeat == leaf.field}, {strings(part.messages)}, {strings(part.not_messages)},"
            f" {quote(part.table)})"
        )

    mapped = ", ".join(place(part, leaf) for part in parts() for leaf in part.columns.values())
    ruled = ", ".join(
        f"({quote(one.segment)}, {one.field}, {one.component or 'null'}, {strings(one.value_types)}, {quote(one.name)})"
        for one in rules()
    )
    return f"""
with
    mapped (name, field_no, component_no, subcomponent_no, is_repeated, messages, not_messages, target) as (
        values {mapped}
    ),
    ruled (name, field_no, component_no, value_types, rule) as (values {ruled}),
    types as (
        select record_no, min(value) as value_type
        from hl7_leaf inner join hl7_judged using (record_no)
        where name = 'OBX' and field_no = 2 group by record_no
    )
select leaves.*, judged.* exclude (record_no, rule, problem, detail, line),
    judged.problem, coalesce(judged.rule, ruled.rule) as rule,
    coalesce(mapped.target, {quote(VALUE.name)}) as target
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
    and {gate("mapped.messages", "mapped.not_messages", "judged.message_code")}
"""

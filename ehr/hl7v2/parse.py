"""Lines → segments → values, set by set in DuckDB: no Python object per message.

``split`` leaves two temporary tables. ``hl7_segment``: one row per line with its message, delimiters and, where it
cannot be used, ``problem`` and ``detail``. ``hl7_leaf``: one row per value, unescaped, with its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from ehr.fhir.values import quote
from ehr.hl7v2.lines import END_BLOCK, START_BLOCK
from lake.together import RECORDS_PER_FILE

ENVELOPE = ("FHS", "BHS", "BTS", "FTS")
_HEADS = ("MSH", "FHS", "BHS")
_FILE_BITS = RECORDS_PER_FILE.bit_length() - 1
FILE = f"(record_no >> {_FILE_BITS})"
"""SQL: which of the files read together a record belongs to."""
_NEVER = "chr(64976)"
"""U+FDD0, a non-character: stands for a delimiter that MSH-2 does not define, so that nothing is split there."""


def split(connection: duckdb.DuckDBPyConnection, lines: Sequence[Path]) -> None:
    """Split the lines of files (``lines.write``, global record numbers) into messages, segments and values."""
    listing = "[" + ", ".join(quote(str(one)) for one in lines) + "]"
    for statement in (_SEGMENTS.replace("$lines", listing), _FIELDS, _leaves()):
        connection.execute(statement)


# The delimiters of a line are those of the last header before it (HL7 v2.5.1, 2.5.4). A frame that never ends and a
# header that cannot be read take their whole message with them; any other bad line stands alone.
_SEGMENTS = f"""
create or replace temp table hl7_segment as
with
    lines as (
        select record_no, problem as garbled,
            contains(line, chr({ord(START_BLOCK)})) as starts_frame,
            contains(line, chr({ord(END_BLOCK)})) as ends_frame,
            trim(line, chr({ord(START_BLOCK)}) || chr({ord(END_BLOCK)})) as line
        from read_parquet($lines)
    ),
    named as (
        select *, substr(line, 1, 3) as start, start in {_HEADS} as is_head,
            case when is_head then record_no end as head_no,
            case when start = 'MSH' then record_no end as message_head
        from lines
    ),
    placed as (
        select *, last_value(head_no ignore nulls) over before as head,
            last_value(message_head ignore nulls) over before as message
        from named
        window before as (
            partition by {FILE} order by record_no rows between unbounded preceding and current row
        )
    ),
    heads as (
        select record_no as head, garbled as head_garbled, substr(line, 4, 1) as fs,
            split_part(substr(line, 5), substr(line, 4, 1), 1) as encoding
        from named where is_head
    ),
    delimiters as (
        select head, fs, encoding,
            case
                when head_garbled is not null then 'the header is ' || head_garbled
                when fs = '' or regexp_matches(fs, '[\\w\\s]') then 'MSH-1 is no delimiter'
                when encoding = '' or length(encoding) > 5 then 'MSH-2 has one to five characters'
                when regexp_matches(encoding, '[\\w\\s]')
                    or len(list_distinct(string_split(encoding, ''))) < length(encoding)
                then 'the characters of MSH-2 are no delimiters or not all different'
            end as head_problem,
            substr(encoding, 1, 1) as cs,
            coalesce(nullif(substr(encoding, 2, 1), ''), {_NEVER}) as rs,
            coalesce(nullif(substr(encoding, 3, 1), ''), {_NEVER}) as es,
            coalesce(nullif(substr(encoding, 4, 1), ''), {_NEVER}) as ss
        from heads
    ),
    messages as (
        select message, row_number() over (partition by message >> {_FILE_BITS} order by message) as message_no,
            bool_or(starts_frame and start = 'MSH') and not bool_or(ends_frame) as is_cut,
            bool_or(
                start = 'MSH'
                and coalesce(trim(list_extract(string_split(line, substr(line, 4, 1)), 9)), '') = ''
            ) as is_untyped
        from placed where message is not null group by message
    )
select placed.record_no, placed.message, coalesce(messages.message_no, 0) as message_no, placed.line,
    delimiters.fs, delimiters.cs, delimiters.rs, delimiters.es, delimiters.ss,
    split_part(placed.line, coalesce(nullif(delimiters.fs, ''), '|'), 1) as name,
    name in {ENVELOPE} as is_envelope,
    case
        when placed.garbled is not null then 'invalid_encoding'
        when is_envelope then null
        when placed.message is null then 'no_message_header'
        when delimiters.head_problem is not null then 'bad_message_header'
        when messages.is_cut then 'truncated_message'
        when not regexp_full_match(name, '[A-Z][A-Z0-9][A-Z0-9]') then 'not_a_segment'
        when messages.is_untyped then 'missing_message_type'
    end as problem,
    case problem
        when 'invalid_encoding' then placed.garbled || '; say in MSH-18 which it is'
        when 'no_message_header' then 'a segment before the first MSH; a message starts with MSH'
        when 'bad_message_header' then delimiters.head_problem || '; expected such as MSH|^~' || chr(92) || '&|'
        when 'truncated_message' then 'the MLLP frame of its message has no end; deliver the message again'
        when 'not_a_segment' then 'a line starts with a segment name of three characters and the delimiter of MSH-1'
        when 'missing_message_type' then 'MSH-9 of its message is empty; it says what the message is'
    end as detail
from placed
left join delimiters on delimiters.head = placed.head
left join messages on messages.message = placed.message
where trim(placed.line) <> ''
"""

# A header's second field defines the delimiters and is not split by them; MSH-1 is the delimiter itself.
_FIELDS = f"""
create or replace temp table hl7_field as
select record_no, field_no, value, cs, rs, es, ss from (
    select record_no, name in {_HEADS} as is_head, cs, rs, es, ss,
        unnest(string_split(line, fs)) as value,
        generate_subscripts(string_split(line, fs), 1) - 1 + (name in {_HEADS})::int as field_no
    from hl7_segment
    where fs is not null and fs <> ''
)
where value <> '' and field_no > is_head::int and not (is_head and field_no = 2)
"""


def unescaped(value: str) -> str:
    """SQL: a value without escape sequences (HL7 v2.5.1, 2.7). What is no known sequence stays as written.

    ``value`` is cut at the escape character: every second piece is a sequence. Names the columns fs, cs, rs, es, ss.
    """
    pieces = f"string_split({value}, es)"
    return f"""array_to_string(list_transform(
        list_zip({pieces}, range(1, len({pieces}) + 1)),
        lambda z: case
            when z[2] % 2 = 1 then z[1]
            when z[2] = len({pieces}) then es || z[1] -- an escape character without its partner
            when z[1] = 'F' then fs
            when z[1] = 'S' then cs
            when z[1] = 'R' then rs
            when z[1] = 'E' then es
            when z[1] = 'T' then ss
            when z[1] in ('H', 'N', '.fi', '.nf') then ''
            when regexp_full_match(z[1], '[.](br|ce|sp[+]?[0-9]*)') then chr(10)
            when regexp_full_match(z[1], '[.](in|ti|sk)[+-]?[0-9]+') then ''
            when regexp_full_match(z[1], 'X([0-9A-Fa-f][0-9A-Fa-f])+')
            then coalesce(try(decode(unhex(substr(z[1], 2)))), es || z[1] || es)
            else es || z[1] || es
        end), '')"""


def _leaves() -> str:
    """Fields that hold no further delimiter, nearly all, take the short way."""
    return f"""
create or replace temp table hl7_leaf as
with
    fields as (select *, contains(value, rs) or contains(value, cs) or contains(value, ss) as is_deep from hl7_field),
    repetitions as (
        select record_no, field_no, cs, es, ss, unnest(string_split(value, rs)) as value,
            generate_subscripts(string_split(value, rs), 1) as repetition_no
        from fields where is_deep
    ),
    components as (
        select record_no, field_no, repetition_no, es, ss, unnest(string_split(value, cs)) as value,
            generate_subscripts(string_split(value, cs), 1) as component_no
        from repetitions where value <> ''
    ),
    subcomponents as (
        select record_no, field_no, repetition_no, component_no, es, unnest(string_split(value, ss)) as value,
            generate_subscripts(string_split(value, ss), 1) as subcomponent_no
        from components where value <> ''
    ),
    leaves as (
        select record_no, field_no, repetition_no, component_no, subcomponent_no, value, es
        from subcomponents where value <> ''
        union all
        select record_no, field_no, 1, 1, 1, value, es from fields where not is_deep
    ),
    plain as (select * exclude (es) from leaves where not contains(value, es)),
    escaped as (
        select leaves.* exclude (value), {unescaped("value")} as value
        from (select * exclude (es) from leaves where contains(value, es)) as leaves
        inner join (select record_no, fs, cs, rs, es, ss from hl7_segment) using (record_no)
    )
select * from plain union all by name select * from escaped
"""

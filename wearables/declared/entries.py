"""A CSV line or a JSON object as a row of texts: one column for every field that a mapping names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from lake.quarantine import BadFile
from lake.sink import Sink
from wearables import csv_rows
from wearables.declared.mapping import Each, Mapping, Measure
from wearables.json_documents import documents
from wearables.source_text import SourceText

_RANGE = re.compile(r"(.*)\{(\d+)\.\.(\d+)\}(.*)")


@dataclass(frozen=True)
class Entries:
    """A temporary table of records: ``record_no``, ``parent_no``, ``record_text``, ``line_problem``, and the fields.

    Attributes:
        mapping: what the records are read by.
        table: its name.
        columns: name of a field -> column of the table; fields that the file lacks are not there.
    """

    mapping: Mapping
    table: str
    columns: dict[str, str]

    def text(self, names: Sequence[str]) -> str:
        """SQL: the first of the fields that is not null."""
        found = [self.columns[name] for name in names if name in self.columns]
        return f"coalesce({', '.join(found)})" if len(found) > 1 else found[0] if found else "null::varchar"

    def has(self, names: Iterable[str]) -> bool:
        """The file has all these fields."""
        return all(name in self.columns for name in names)


def of_lines(sink: Sink, text: SourceText, mapping: Mapping) -> Entries:
    """The lines of a CSV file."""
    with text.path.open(encoding="utf-8", errors="replace") as stream:
        header = {name.lower(): name for name in csv_rows.header_of(stream.readline(1 << 20).rstrip("\r\n")).names}
    wanted = [name for name in fields_of(mapping) if name.lower() in header]
    columns = {name: f"f{number}" for number, name in enumerate(wanted)}
    csv_rows.rows(sink, text, {columns[name]: header[name.lower()] for name in wanted})
    sink.connection.execute("create or replace temp table entry_0 as select *, record_no as parent_no from csv_row")
    return Entries(mapping, "entry_0", columns)


def of_objects(sink: Sink, text: SourceText, mappings: Sequence[Mapping]) -> tuple[list[Entries], str]:
    """The objects that each mapping finds in a JSON file, numbered through the file; and what a record is called.

    Raises:
        BadFile: not JSON.
    """
    called = documents(sink, [text])
    found: list[Entries] = []
    before = "0"
    for number, mapping in enumerate(mappings):
        columns = {name: f"f{place}" for place, name in enumerate(fields_of(mapping))}
        extracted = "".join(f", {_json_text(name)} as {column}" for name, column in columns.items())
        sink.connection.execute(f"""
            create or replace temp table entry_{number} as
            select
                {before} + row_number() over () as record_no,
                parent_no,
                e::varchar as record_text,
                null::varchar as line_problem
                {extracted}
            from ({_elements(mapping)})
            where json_type(e) = 'OBJECT'
        """)
        before += f" + (select count(*) from entry_{number})"
        found.append(Entries(mapping, f"entry_{number}", columns))
    broken = sink.connection.execute(
        f"select {before} + row_number() over (), record_text from document where json is null"
    ).fetchall()
    for record_no, content in broken:
        sink.reject(
            f"entry {record_no}", "invalid_json", "the line is not a JSON object", record_no=record_no, text=content
        )
    sink.count(len(broken), 0)
    if called == "line" and len(broken) == sink.connection.execute("select count(*) from document").fetchall()[0][0]:
        raise BadFile("invalid_json", "no line of the file is a JSON object")
    return found, "entry"


def _elements(mapping: Mapping) -> str:
    """SQL: d the document, p the element that holds the record, e the record, entry_key, parent_no."""
    document = "select json as d, json as e, null::varchar as entry_key from document where json is not null"
    if mapping.keyed:
        outer = f"""select d, unnest(keys) as entry_key, unnest(parts) as e from (
            select d, json_keys(e, '{mapping.entries}') as keys, json_extract(e, '{mapping.entries}.*') as parts
            from ({document}) where json_type(e, '{mapping.entries}') = 'OBJECT')"""
    elif mapping.entries == "$":
        outer = document
    else:
        outer = f"select d, entry_key, unnest(e->'{_list(mapping.entries)}') as e from ({document})"
    outer = f"select d, entry_key, e as p, e, row_number() over () as parent_no from ({outer})"
    if mapping.inner is None:
        return outer
    return f"select d, entry_key, p, parent_no, unnest(e->'$.{_list(mapping.inner)}') as e from ({outer})"


def _list(path: str) -> str:
    return path if path.endswith("]") else path + "[*]"


def _json_text(name: str) -> str:
    if name == "@key":
        return "entry_key"
    if name.startswith("$."):
        return f"(d->>'{_path(name[2:])}')"
    if name.startswith(".."):
        return f"(p->>'{_path(name[2:])}')"
    return f"(e->>'{_path(name)}')"


def _path(name: str) -> str:
    return "$" + "".join(f".{step}" for step in name.replace("'", "").split("."))


def columns_of(each: Each) -> list[str]:
    """The columns of a reading, with ``{00..59}`` written out."""
    found: list[str] = []
    for name in each.columns:
        span = _RANGE.fullmatch(name)
        if span is None:
            found.append(name)
        else:
            head, first, last, tail = span.groups()
            found += [f"{head}{number:0{len(first)}}{tail}" for number in range(int(first), int(last) + 1)]
    return found


def fields_of(mapping: Mapping) -> list[str]:
    """Every field that a mapping names, once, in the order in which it does."""
    return list(dict.fromkeys(_names(mapping)))


def _names(value: object) -> Iterator[str]:
    if isinstance(value, Each):
        yield from (one for one in (value.items, value.letters, value.lasting) if one)
        yield from columns_of(value)
        yield from _names(value.every)
        yield from _names(value.start)
        return
    if isinstance(value, Mapping) and value.person:
        yield value.person
    if isinstance(value, Measure):
        yield from value.sum
        if value.exponent:
            yield value.exponent
    if isinstance(value, BaseModel):
        for field in type(value).model_fields:
            part = getattr(value, field)
            if field in ("names", "has") or field == "when":
                yield from part
            else:
                yield from _names(part)
    elif isinstance(value, list):
        for one in value:
            yield from _names(one)

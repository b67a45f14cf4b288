"""A document's header, sections and entries → rows of the raw tables; every value is counted where it went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ehr.ccda.mapping import DOCUMENT, PERSON, SECTION, VALUE, Part, mapping
from ehr.ccda.paths import Path
from ehr.ccda.tables import PLACE, TABLES, TIMES
from ehr.ccda.xml import Node, leaves
from ehr.hl7_times import iso
from ehr.leaves import LeafReport
from lake.sink import Sink
from lake.tables import by_name

ACTS = {
    "act", "encounter", "observation", "observationMedia", "organizer", "procedure", "regionOfInterest",
    "substanceAdministration", "supply",
}  # fmt: skip
"""What an entry may hold (CDA R2, 4.3.6)."""
SSN = "2.16.840.1.113883.4.1"
_FLUSH_ROWS = 20_000
_SCHEMAS = {name: table.schema for name, table in by_name(TABLES).items()}


class Stager:
    """Collects the rows of one document. Header first, then sections with their entries, as they end in the stream."""

    def __init__(self, sink: Sink, fallback_id: str) -> None:
        self.sink = sink
        self.report = LeafReport()
        self.fallback_id = fallback_id
        self.document_id = fallback_id
        self.document_time: str | None = None
        self.patient_id: str | None = None
        self.narrative: dict[str, str] = {}
        self.records = 0
        self.accepted = 0
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def header(self, root: Node) -> None:
        """Stage what stands before the body: document, patients, encompassing encounter."""
        self.records += 1
        self.accepted += 1
        if root.tag == "ClinicalDocument":
            document = self._values(root, mapping().parts[DOCUMENT])
            self.document_id = _identifier(document["id_root"], document["id_extension"]) or self.fallback_id
            self.document_time = document["effective_time"] or document["author_time"]
            targets = [child for child in root.children if child.tag == "recordTarget"]
        else:
            document, targets = None, [root] if root.tag == "recordTarget" else []
        people = [self._person(target) for target in targets]
        if len(people) == 1:  # a document of several patients names them in its entries; nobody is guessed
            self.patient_id = people[0]["patient_id"]
        for one in people:
            self._add(
                PERSON,
                self._place()
                | {"patient_id": one.pop("patient_id")}
                | {k: v for k, v in one.items() if k not in PLACE},
            )
        if document is not None:
            self._add(DOCUMENT, document | self._place())
        self._statements(root, None)
        self._account(root, root.tag, None)

    def rest(self, root: Node) -> None:
        """Count what is left around header, sections and entries."""
        self._account(root, root.tag, None)

    def narrative_text(self, node: Node) -> None:
        """Remember the pieces that entries may point to; the rest of the narrative is left out by rule."""
        for _, one, name, value in leaves(node, "text"):
            if name == "ID":
                self.narrative[value] = one.all_text()
            self.report.total += 1
            self.report.ignored["narrative_text"] += 1

    def section(self, node: Node) -> None:
        """Stage a section's own values, after its entries; ends the reach of its narrative."""
        self.records += 1
        self.accepted += 1
        self._add(SECTION, self._values(node, mapping().parts[SECTION]))
        self._account(node, "section", _code(node))
        self.narrative.clear()

    def entry(self, node: Node) -> None:
        """Stage one entry; an entry that holds no statement is rejected."""
        self.records += 1
        section = _code(node.parent) if node.parent is not None else None
        if not any(child.tag in ACTS for child in node.children):
            count = sum(1 for _ in leaves(node, "entry"))
            self.report.total += count
            self.report.rejected["wrong_shape"] += count
            found = ", ".join(sorted({child.tag for child in node.children})) or "nothing"
            detail = f"an entry holds one of {', '.join(sorted(ACTS))}, not {found}"
            self.sink.reject(f"line {node.line}", "wrong_shape", detail, record_no=self.records)
            return
        self.accepted += 1
        self._statements(node, section)
        self._account(node, "entry", section)

    def finish(self) -> LeafReport:
        """Write what is left and hand in the counts."""
        for table in list(self._rows):
            self._flush(table)
        self.sink.count(self.records, self.accepted)
        return self.report

    def _place(self) -> dict[str, Any]:
        return {
            "record_no": self.records,
            "document_id": self.document_id,
            "document_time": self.document_time,
            "document_time_iso": iso(self.document_time, None),
            "patient_id": self.patient_id,
        }

    def _person(self, target: Node) -> dict[str, Any]:
        row = self._values(target, mapping().parts[PERSON], without=("id_root", "id_extension"))
        role = next((child for child in target.children if child.tag == "patientRole"), None)
        identifiers = [one for one in role.children if one.tag == "id"] if role is not None else []
        own = [one for one in identifiers if one.attributes.get("extension") and one.attributes.get("root") != SSN]
        national = [one for one in identifiers if one.attributes.get("extension") and one.attributes.get("root") == SSN]
        bare = [one for one in identifiers if one.attributes.get("root") not in (SSN, None)]
        for one in (own or bare)[:1]:
            row["id_root"], row["id_extension"] = _take(one, "root", PERSON), _take(one, "extension", PERSON)
        for one in national[:1]:
            row["national_id"] = _take(one, "extension", PERSON)
        row["patient_id"] = _identifier(row["id_root"], row["id_extension"])
        return row

    def _statements(self, node: Node, section: str | None) -> None:
        """Find the statements below an element that the mapping knows, and stage each."""
        number = 0
        for one in _elements(node):
            table = mapping().table_of(one)
            if table is None:
                continue
            number += 1
            part = mapping().parts[table]
            row = {"section_code": section, "statement_no": number, **self._values(one, part)}
            for coding in self._codings(one, part):
                self._add(table, {**row, **coding})

    def _values(self, node: Node, part: Part, without: tuple[str, ...] = ()) -> dict[str, Any]:
        row = self._place()
        for column, ways in part.columns.items():
            row[column] = None
            for way in ways if column not in without else ():
                found = way.find(node)
                if found is not None:
                    row[column] = _take(found, way.leaf, part.table)
                    break
        return row

    def _codings(self, node: Node, part: Part) -> Iterator[dict[str, Any]]:
        """The code of a statement and its translations, one row each; one row without a code where there is none."""
        element = _first(node, part.coding)
        if element is None:
            yield {"coding_no": 1}
            return
        shared = {
            "code_null": _take(element, "nullFlavor", part.table),
            "code_text": self._original_text(element, part.table),
        }
        found = [
            one
            for one in (element, *(c for c in element.children if c.tag == "translation"))
            if "code" in one.attributes
        ]
        for number, one in enumerate(found, start=1):
            yield {
                "coding_no": number,
                "code_system": _take(one, "codeSystem", part.table),
                "code": _take(one, "code", part.table),
                "code_display": _take(one, "displayName", part.table),
                **shared,
            }
        if not found:
            yield {
                "coding_no": 1,
                "code_system": _take(element, "codeSystem", part.table),
                "code_display": _take(element, "displayName", part.table),
                **shared,
            }

    def _original_text(self, element: Node, table: str) -> str | None:
        """What the clinician saw: written in place, or pointed to in the narrative."""
        for text in (child for child in element.children if child.tag == "originalText"):
            if text.text.strip():
                return _take(text, "text()", table)
            for reference in (child for child in text.children if child.tag == "reference"):
                target = self.narrative.get(reference.attributes.get("value", "").removeprefix("#"))
                if target:
                    reference.used["value"] = table
                    return target
        return None

    def _account(self, node: Node, path: str, section: str | None) -> None:
        """Count every value below an element; what no column took and no rule leaves out is staged as it is."""
        for place, one, name, value in leaves(node, path):
            self.report.total += 1
            if (table := one.used.get(name)) is not None:
                self.report.staged[table] += 1
            elif (rule := mapping().rule_of(one, name)) is not None:
                self.report.ignored[rule] += 1
            else:
                self.report.staged[VALUE] += 1
                self._add(
                    VALUE,
                    {**self._place(), "section_code": section, "path": place, "line_no": one.line, "value": value},
                )

    def _add(self, table: str, row: dict[str, Any]) -> None:
        self._rows[table].append(row)
        if len(self._rows[table]) >= _FLUSH_ROWS:
            self._flush(table)

    def _flush(self, table: str) -> None:
        rows, schema = self._rows.pop(table), _SCHEMAS[table]
        for column in TIMES.intersection(schema.names):
            for row in rows:
                row[f"{column}_iso"] = iso(row.get(column), self.document_time)
        self.sink.write(
            table, pa.table({name: [row.get(name) for row in rows] for name in schema.names}, schema=schema)
        )


def _elements(node: Node) -> Iterator[Node]:
    """Every element below, parents first, in document order."""
    for child in node.children:
        yield child
        yield from _elements(child)


def _first(node: Node, ways: tuple[Path, ...]) -> Node | None:
    return next((found for way in ways if (found := way.find(node)) is not None), None)


def _take(node: Node, leaf: str, table: str) -> str | None:
    """A value of an element, with a note which table it went to."""
    if leaf == "text()":
        if node.text.strip():
            node.used["text()"] = table
        return node.text.strip() or None
    value = node.attribute(leaf)
    if value is not None:
        node.used[leaf if leaf in node.attributes else f"xsi:{leaf}"] = table
    return value


def _code(section: Node) -> str | None:
    return next((child.attributes.get("code") for child in section.children if child.tag == "code"), None)


def _identifier(root: str | None, extension: str | None) -> str | None:
    """An instance identifier as a key: ``extension^^^root``, the root alone where it stands for itself."""
    return f"{extension}^^^{root}" if extension and root else extension or root

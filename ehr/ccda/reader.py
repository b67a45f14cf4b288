"""Land C-CDA documents: one XML file, whole or a fragment of one (a section, a header element)."""

from __future__ import annotations

import re

from ehr.ccda.stage import ACTS, Stager
from ehr.ccda.tables import TABLES
from ehr.ccda.xml import Node
from ehr.ccda.xml import read as parse
from ehr.leaves import LeafReport
from lake.files import decompressed
from lake.quarantine import BadFile
from lake.reader import Landed, Reader
from lake.sink import Sink

HEADER = {
    "realmCode", "typeId", "templateId", "id", "code", "title", "effectiveTime", "confidentialityCode", "languageCode",
    "setId", "versionNumber", "recordTarget", "author", "dataEnterer", "informant", "custodian",
    "informationRecipient", "legalAuthenticator", "authenticator", "participant", "inFulfillmentOf", "documentationOf",
    "relatedDocument", "authorization", "componentOf",
}  # fmt: skip
"""Elements of a document before its body (CDA R2, 4.2)."""
_ROOT = re.compile(r"<(?:[\w.-]+:)?(\w+)[\s/>]")
_HINT = re.compile(r"urn:hl7-org:v3|2\.16\.840\.1\.113883\.|<templateId\s|<patientRole[\s>]|<section[\s>]")
"""What a part of a document must hold to be taken for one: CDA's namespace, an HL7 identifier, its elements."""
_BEFORE_ROOT = re.compile(r"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE(?:[^\[>]*\[.*?\]|[^>]*)\s*>\s*)*", re.DOTALL)


def _matches(landed: Landed) -> bool:
    head = landed.text_head
    start = _BEFORE_ROOT.match(head)
    found = _ROOT.match(head, start.end() if start else 0)
    if found is None:
        return False
    if found.group(1) == "ClinicalDocument":
        return True
    return found.group(1) in {"component", "section", "entry"} | HEADER | ACTS and _HINT.search(head) is not None


def read(landed: Landed, sink: Sink) -> LeafReport:
    """Read a document into the sink. A record is the header, a section or an entry.

    Returns:
        What became of every value; also kept as the note ``leaves`` of the file.

    Raises:
        BadFile: not XML, with a document type, too deep, too large, or not a CDA document.
    """
    path = decompressed(landed.path, sink.work / "plain.xml", sink.settings.max_file_bytes, sink.settings.max_ratio)
    stager = Stager(sink, fallback_id=sink.file_id)
    with path.open("rb") as file:
        root = parse(file, lambda node: _on_start(node, stager), lambda node: _on_end(node, stager))
    if root.tag in ACTS:  # a statement alone, as in examples
        entry = Node("entry", {}, root.line, children=[root])
        root.parent = entry
        stager.entry(entry)
    elif root.tag in HEADER or (root.tag == "ClinicalDocument" and not stager.records):
        stager.header(root)  # a part of a header, or a header without a body
    else:
        stager.rest(root)
    report = stager.finish()
    sink.note("document_type", "document" if root.tag == "ClinicalDocument" else f"fragment: {root.tag}")
    report.note(sink)
    return report


def _on_start(node: Node, stager: Stager) -> None:
    """Stage the header of a document when its body begins."""
    above = node.parent
    if above is None:
        if node.tag not in {"ClinicalDocument", "component", "section", "entry"} | HEADER | ACTS:
            raise BadFile("not_cda", f"line {node.line}: the root element is no ClinicalDocument nor a part of one")
    elif above.tag == "ClinicalDocument" and node.tag == "component" and not stager.records:
        above.children.remove(node)
        stager.header(above)
        above.children[:] = [node]
        above.attributes.clear()
        above.text = ""


def _on_end(node: Node, stager: Stager) -> None:
    """Stage entries and sections as they end, and let go of them."""
    above = node.parent
    if node.tag == "entry" and (above is None or above.tag == "section"):
        stager.entry(node)
    elif node.tag == "text" and above is not None and above.tag == "section":
        stager.narrative_text(node)
    elif node.tag == "section":
        stager.section(node)
    else:
        return
    if above is not None:
        above.children.remove(node)
    else:
        node.children.clear()
        node.attributes.clear()
        node.text = ""


def _read(landed: Landed, sink: Sink) -> None:
    read(landed, sink)


READERS: tuple[Reader, ...] = (
    Reader(
        name="ccda",
        description="C-CDA 2.1 documents (XML): allergies, encounters, immunizations, medications, problems,"
        " procedures, results, vital signs, social and family history.",
        tables=TABLES,
        matches=_matches,
        read=_read,
    ),
)

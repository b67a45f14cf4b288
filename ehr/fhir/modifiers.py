"""Resources whose meaning is changed by something that the views do not read.

FHIR R4 has two such things. A ``modifierExtension``, on a resource or on any element within it, "modifies the
understanding of the element": who does not know it must refuse the data or carry a warning with all that is made of
them (hl7.org/fhir/R4/extensibility.html, modifier extensions). ``implicitRules`` name rules that must be understood
to read the resource (hl7.org/fhir/R4/resource.html). Such records go to quarantine.
"""

from __future__ import annotations

from ehr.fhir.values import quote

MARKS = ('"modifierExtension"', '"implicitRules"')
"""Text without one of these holds nothing of the kind: a cheap test before the exact one."""

KNOWN = (
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-DeviceRequest.doNotPerform",
    "http://hl7.org/fhir/us/qicore/StructureDefinition/qicore-notDone",
)
"""Modifier extensions that a view reads: DeviceRequest ``do_not_perform``, Observation ``status``."""

READ_BY = {"DeviceRequest": KNOWN[:1], "Observation": KNOWN[1:]}
"""Resource type → what its view understands. Hosts are compared without regard to case."""


def is_marked(content: bytes) -> bool:
    """Whether a text may hold such an element."""
    return any(mark.encode() in content for mark in MARKS)


def marked(line: str) -> str:
    """SQL: the same of a JSON text."""
    return "(" + " or ".join(f"contains({line}, {quote(mark)})" for mark in MARKS) + ")"


def problem(line: str, resource: str) -> str:
    """SQL: what the view of a resource type does not know how to take, in words; NULL if there is nothing."""
    known = "[" + ", ".join(quote(url.lower()) for url in READ_BY.get(resource, ())) + "]::varchar[]"
    found = f"json_extract({line}, '$..modifierExtension')"
    urls = f"json_extract_string({line}, '$..modifierExtension[*].url')"
    items = f"json_extract({line}, '$..modifierExtension[*]')"
    unknown = f"list_filter({urls}, lambda url: not list_contains({known}, lower(url)))[1]"
    shown = f"case when regexp_full_match({unknown}, '[A-Za-z][A-Za-z0-9:/._-]{{0,199}}') then {unknown} end"
    return (
        f"case when json_extract_string({line}, '$.implicitRules') is not null then 'implicitRules'"
        f" when len({unknown}) > 0 then 'the modifierExtension ' || coalesce({shown}, '(of an odd url)')"
        f" when len({found}) > 0 and (len({urls}) <> len({items}) or len({items}) = 0)"
        f" then 'a modifierExtension without a url' end"
    )

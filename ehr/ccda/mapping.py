"""The declared mapping of C-CDA statements to raw tables: read once and checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ehr.ccda.paths import Path as Way
from ehr.ccda.paths import compiled, template_id
from ehr.ccda.xml import Node
from lake.files import read_yaml

PERSON, DOCUMENT, SECTION, VALUE = "ccda_person", "ccda_document", "ccda_section", "ccda_value"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")
    description: str
    statements: list[str] = Field(default_factory=list)
    coding: str = ""
    columns: dict[str, str]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")
    why: str
    elements: list[str] = Field(default_factory=list)
    under: list[str] = Field(default_factory=list)
    attributes: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class Part:
    """How one element (a statement, the header, a section) fills one raw table."""

    table: str
    description: str
    columns: dict[str, tuple[Way, ...]]
    coding: tuple[Way, ...]


@dataclass(frozen=True)
class Mapping:
    """The whole mapping: parts by table, tables by (element, template), and the rules by which values are left out."""

    parts: dict[str, Part]
    statements: dict[tuple[str, str], str]
    rules: dict[str, _Rule]

    def table_of(self, node: Node) -> str | None:
        """The table of a statement; ``None`` if it is none that the mapping knows."""
        for child in node.children:
            if child.tag == "templateId":
                table = self.statements.get((node.tag, child.attributes.get("root", "")))
                if table is not None:
                    return table
        return self.statements.get((node.tag, ""))

    def rule_of(self, node: Node, name: str) -> str | None:
        """The rule by which a value is left out; ``None``: it is staged."""
        for rule, one in self.rules.items():
            if name in one.attributes or (rule == "namespace" and name.startswith("xmlns")):
                return rule
            above = node.parent.tag if node.parent is not None else ""
            if node.tag in one.elements and (not one.under or above in one.under):
                return rule
        return None


@cache
def mapping() -> Mapping:
    """Read ``mapping.yaml``."""
    content: dict[str, Any] = read_yaml(Path(__file__).with_name("mapping.yaml"))
    named = {name: _Table.model_validate(one) for name, one in content["tables"].items()}
    frame = {"person": PERSON, "document": DOCUMENT, "section": SECTION}
    every = {**{table: _Table.model_validate(content[name]) for name, table in frame.items()}, **named}
    parts = {
        name: Part(
            name,
            one.description,
            {column: compiled(way) for column, way in one.columns.items()},
            compiled(one.coding) if one.coding else (),
        )
        for name, one in every.items()
    }
    statements = {}
    for name, one in named.items():
        for text in one.statements:
            tag, _, template = text.rstrip("}").partition("{")
            statements[tag, template_id(template) if template else ""] = name
    return Mapping(parts, statements, {name: _Rule.model_validate(one) for name, one in content["ignored"].items()})

"""Paths into a CDA statement, compiled once: ``entryRelationship/observation{4.9}/value/@code``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from ehr.ccda.xml import Node

_C_CDA = "2.16.840.1.113883.10.20."
_STEP = re.compile(
    r"(?P<up>\^?)(?P<tag>[\w:]+)(?:\{(?P<template>[\d.]+)\})?(?:\[(?P<name>\w+)(?P<how>\^?=)(?P<value>[^\]]+)\])?"
)


@dataclass(frozen=True)
class Step:
    """One element on the way: its tag, and what it must have."""

    tag: str
    up: bool = False
    template: str = ""
    name: str = ""
    starts: bool = False
    value: str = ""

    def fits(self, node: Node) -> bool:
        """Whether a node is meant."""
        if node.tag != self.tag or (self.template and not has_template(node, self.template)):
            return False
        found = node.attribute(self.name) or "" if self.name else ""
        return found.startswith(self.value) if self.starts else found == self.value


@dataclass(frozen=True)
class Path:
    """Steps to an element, and the leaf of it: an attribute, ``text()``, or ``""`` for the element itself."""

    steps: tuple[Step, ...]
    leaf: str

    def find(self, node: Node) -> Node | None:
        """The first element at this path that has the leaf; ``None`` without one."""
        return _find(node, self.steps, self.leaf)


def has_template(node: Node, template: str) -> bool:
    """Whether an element carries a template."""
    return any(child.tag == "templateId" and child.attributes.get("root") == template for child in node.children)


def template_id(short: str) -> str:
    """``4.4`` → the identifier of that template; others of C-CDA's tree are written from ``15.3.8`` on."""
    return _C_CDA + ("22." + short if short.startswith("4.") else short)


@cache
def compiled(text: str) -> tuple[Path, ...]:
    """Compile alternatives separated by ``|``.

    Raises:
        ValueError: not a path of the form above.
    """
    return tuple(_path(one.strip()) for one in text.split("|"))


def _path(text: str) -> Path:
    *ways, last = text.split("/") if not text.startswith("@") else ["", text]
    if not last.startswith("@") and last != "text()":
        ways, last = [*ways, last], ""
    return Path(tuple(_step(one) for one in ways if one), last.removeprefix("@"))


def _step(text: str) -> Step:
    found = _STEP.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no step of a path")
    template = template_id(found["template"]) if found["template"] else ""
    return Step(
        found["tag"], bool(found["up"]), template, found["name"] or "", found["how"] == "^=", found["value"] or ""
    )


def _find(node: Node, steps: tuple[Step, ...], leaf: str) -> Node | None:
    if not steps:
        return node if has_leaf(node, leaf) else None
    step, rest = steps[0], steps[1:]
    if step.up:
        above = node.parent
        while above is not None and not step.fits(above):
            above = above.parent
        return _find(above, rest, leaf) if above is not None else None
    for child in node.children:
        if step.fits(child) and (found := _find(child, rest, leaf)) is not None:
            return found
    return None


def has_leaf(node: Node, leaf: str) -> bool:
    """Whether an element has a value of that name."""
    if leaf == "text()":
        return bool(node.text.strip())
    return not leaf or node.attribute(leaf) is not None

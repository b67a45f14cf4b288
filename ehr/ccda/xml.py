"""XML that cannot hurt: expat without document types, so without entities; bounded depth and size; read as a stream.

Elements become small nodes, and a caller may take each subtree away as soon as it ends: what stays in memory is one
section's narrative, one entry and the header. Names lose the prefix of CDA's namespace; extensions keep `sdtc:`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

from lake.quarantine import BadFile

MAX_DEPTH = 256
MAX_BYTES = 512 << 20
MAX_ATTRIBUTES = 256
MAX_TEXT = 64 << 20
"""Longest text, attribute or comment; a scanned document that is embedded stays below."""
_BLOCK = 256 << 10
_NAMESPACES = {
    "urn:hl7-org:v3": "",
    "urn:hl7-org:sdtc": "sdtc:",
    "http://www.w3.org/2001/XMLSchema-instance": "xsi:",
}


@dataclass(slots=True, eq=False)
class Node:
    """An element. ``used`` says which of its leaves (attribute names, ``text()``) went to which table."""

    tag: str
    attributes: dict[str, str]
    line: int
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)
    text: str = ""
    tail: str = ""
    used: dict[str, str] = field(default_factory=dict)

    def attribute(self, name: str) -> str | None:
        """An attribute by its name without prefix or with it (``type`` finds ``xsi:type``)."""
        found = self.attributes.get(name)
        return found if found is not None or ":" in name else self.attributes.get(f"xsi:{name}")

    def all_text(self) -> str:
        """The text of the element and all below, blanks folded."""
        return " ".join("".join(_texts(self)).split())


def _texts(node: Node) -> Iterator[str]:
    yield node.text
    for child in node.children:
        yield from _texts(child)
        yield " " + child.tail


def leaves(node: Node, path: str) -> Iterator[tuple[str, Node, str, str]]:
    """Every value below a node: (path, node, name of the leaf, value). Blank text is no value."""
    pending = [(node, path)]
    while pending:
        one, place = pending.pop()
        for name, value in one.attributes.items():
            yield f"{place}/@{name}", one, name, value
        if one.text.strip():
            yield f"{place}/text()", one, "text()", one.text.strip()
        if one.tail.strip():
            yield f"{place}/tail()", one, "tail()", one.tail.strip()
        counts: dict[str, int] = {}
        for child in one.children:
            counts[child.tag] = counts.get(child.tag, 0) + 1
            number = counts[child.tag]
            pending.append((child, f"{place}/{child.tag}" + (f"[{number}]" if number > 1 else "")))


class _Text:
    """The text since the last tag. Added to its node piece by piece, a long one would be copied thousands of times."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0

    def add(self, content: str) -> bool:
        """Keep a piece; False if the text is now longer than texts may be."""
        self._pieces.append(content)
        self._length += len(content)
        return self._length <= MAX_TEXT

    def place(self, stack: list[Node]) -> None:
        """Give the text to the element that is open, or to the last child that has ended in it."""
        if not self._pieces:
            return
        content = "".join(self._pieces)
        self._pieces, self._length = [], 0
        node = stack[-1]
        if node.children:
            node.children[-1].tail += content
        else:
            node.text += content


def read(stream: IO[bytes], on_start: Callable[[Node], None], on_end: Callable[[Node], None]) -> Node:
    """Read a document; returns the root with what the callbacks left of it.

    Raises:
        BadFile: not well-formed (with line and column), a document type, too deep or too large.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    stack: list[Node] = []
    prefixes: dict[str, str] = {}
    root: list[Node] = []
    text = _Text()

    def start(name: str, attributes: dict[str, str]) -> None:
        text.place(stack)
        if len(stack) >= MAX_DEPTH:
            raise BadFile(
                "too_deep", f"line {parser.CurrentLineNumber}: more than {MAX_DEPTH} elements inside each other"
            )
        if len(attributes) > MAX_ATTRIBUTES:
            raise BadFile(
                "too_many_attributes", f"line {parser.CurrentLineNumber}: more than {MAX_ATTRIBUTES} attributes"
            )
        for key, value in attributes.items():
            if key.startswith("xmlns:") and value in _NAMESPACES:
                prefixes[key[6:] + ":"] = _NAMESPACES[value]
        renamed = {_renamed(key, prefixes): value for key, value in attributes.items()} if prefixes else attributes
        node = Node(_renamed(name, prefixes), renamed, parser.CurrentLineNumber, stack[-1] if stack else None)
        if stack:
            stack[-1].children.append(node)
        else:
            root.append(node)
        stack.append(node)
        on_start(node)

    def end(_: str) -> None:
        text.place(stack)
        on_end(stack.pop())

    def characters(content: str) -> None:
        if stack and not text.add(content):
            raise _too_long(parser)

    def doctype(*_: object) -> None:
        raise BadFile(
            "doctype_refused",
            f"line {parser.CurrentLineNumber}: a document type; CDA has none, its entities could read files",
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    _feed(parser, stream)
    return root[0]


def _feed(parser: expat.XMLParserType, stream: IO[bytes]) -> None:
    """Parse the stream to its end."""
    seen = 0
    try:
        while block := stream.read(_BLOCK):
            seen += len(block)
            if seen > MAX_BYTES:
                raise BadFile("too_large", f"more than {MAX_BYTES:,} bytes of XML in one document")
            parser.Parse(block, False)
            if seen - parser.CurrentByteIndex > MAX_TEXT:  # what expat keeps until it ends
                raise _too_long(parser)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        where = f"line {error.lineno} column {error.offset + 1}"
        raise BadFile("invalid_xml", f"{where}: {expat.ErrorString(error.code)}; deliver the document again") from None
    except (LookupError, ValueError):
        raise BadFile("invalid_xml", "the encoding that it declares is not supported; deliver it in UTF-8") from None


def _too_long(parser: expat.XMLParserType) -> BadFile:
    where = f"line {parser.CurrentLineNumber}: a text, attribute or comment"
    return BadFile("too_large", f"{where} of more than {MAX_TEXT:,} bytes; deliver it as a file of its own")


def _renamed(name: str, prefixes: dict[str, str]) -> str:
    prefix, colon, local = name.rpartition(":")
    if not colon or prefix == "xmlns":
        return name
    return prefixes.get(prefix + ":", prefix + ":") + local

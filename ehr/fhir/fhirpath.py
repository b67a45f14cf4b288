"""A parser for the FHIRPath subset of SQL-on-FHIR v2: text to a small syntax tree.

Grammar: FHIRPath 2.0 (hl7.org/fhirpath), operators by its precedence table. Which functions exist is not decided here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ehr.fhir.errors import CompileError


@dataclass(frozen=True)
class Literal:
    """A literal; ``kind`` is a FHIR type name."""

    kind: str
    value: str | bool


@dataclass(frozen=True)
class Empty:
    """``{}``, the empty collection."""


@dataclass(frozen=True)
class This:
    """``$this``."""


@dataclass(frozen=True)
class External:
    """``%name``: a constant or an environment variable."""

    name: str


@dataclass(frozen=True)
class Member:
    """``target.name``; without a target, a member of the focus or a type name."""

    target: Node | None
    name: str


@dataclass(frozen=True)
class Call:
    """``target.name(arguments)``."""

    target: Node | None
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Index:
    """``target[position]``, zero-based."""

    target: Node
    position: Node


@dataclass(frozen=True)
class Binary:
    """``left operator right``."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Sign:
    """``-operand`` or ``+operand``."""

    operator: str
    operand: Node


Node = Literal | Empty | This | External | Member | Call | Index | Binary | Sign

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<instant>@\d{4}(?:-\d{2}(?:-\d{2})?)?(?:T(?:\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:\d{2})?)?)?)
    |(?P<time>@T\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?)
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<external>%(?:[A-Za-z_]\w*|`[^`]+`|'[^']+'))
    |(?P<special>\$\w+)
    |(?P<name>[A-Za-z_]\w*|`(?:[^`\\]|\\.)+`)
    |(?P<symbol><=|>=|!=|!~|[-+*/&|.,()\[\]{}=<>~])""",
    re.VERBOSE | re.DOTALL,
)
_PRECEDENCE = {
    "implies": 1,
    "or": 2,
    "xor": 2,
    "and": 3,
    "in": 4,
    "contains": 4,
    "=": 5,
    "!=": 5,
    "~": 5,
    "!~": 5,
    "<": 6,
    ">": 6,
    "<=": 6,
    ">=": 6,
    "|": 7,
    "is": 8,
    "as": 8,
    "+": 9,
    "-": 9,
    "&": 9,
    "*": 10,
    "/": 10,
    "div": 10,
    "mod": 10,
}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def parse(text: str) -> Node:
    """Parse a FHIRPath expression.

    Raises:
        CompileError: with the position of the first thing that does not fit.
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._tokens()
        self.position = 0

    def _tokens(self) -> list[tuple[str, str, int]]:
        tokens, at = [], 0
        while at < len(self.text):
            match = _TOKEN.match(self.text, at)
            if match is None:
                raise self._error(at)
            if match.lastgroup != "space":
                tokens.append((str(match.lastgroup), match.group(), at))
            at = match.end()
        return [*tokens, ("end", "", at)]

    def _error(self, at: int) -> CompileError:
        return CompileError(
            f"FHIRPath {self.text!r}: unexpected {self.text[at : at + 12] or 'end'!r} at position {at + 1}"
        )

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.position][:2]

    def _next(self) -> tuple[str, str]:
        self.position += 1
        return self.tokens[self.position - 1][:2]

    def _accept(self, symbol: str) -> bool:
        if self._peek() == ("symbol", symbol):
            self.position += 1
            return True
        return False

    def _expect(self, symbol: str) -> None:
        if not self._accept(symbol):
            raise self._error(self.tokens[self.position][2])

    def whole(self) -> Node:
        node = self._expression(0)
        if self._peek()[0] != "end":
            raise self._error(self.tokens[self.position][2])
        return node

    def _expression(self, least: int) -> Node:
        left = self._operand()
        while True:
            kind, operator = self._peek()
            precedence = _PRECEDENCE.get(operator, 0) if kind in ("symbol", "name") else 0
            if precedence <= least:
                return left
            self._next()
            left = Binary(operator, left, self._expression(precedence))

    def _operand(self) -> Node:
        for sign in "+-":
            if self._accept(sign):
                return Sign(sign, self._operand())
        node = self._term()
        while True:
            if self._accept("."):
                node = self._invocation(node)
            elif self._accept("["):
                node = Index(node, self._expression(0))
                self._expect("]")
            else:
                return node

    def _term(self) -> Node:
        kind, text = self._peek()
        if kind == "name" and text not in ("true", "false"):
            return self._invocation(None)
        at = self.tokens[self.position][2]
        self._next()
        if (kind, text) == ("special", "$this"):
            return This()
        if kind == "external":
            return External(text[1:].strip("`'"))
        if (kind, text) == ("symbol", "("):
            node = self._expression(0)
            self._expect(")")
            return node
        if (kind, text) == ("symbol", "{"):
            self._expect("}")
            return Empty()
        literal = _literal(kind, text)
        if literal is None:
            raise self._error(at)
        return literal

    def _invocation(self, target: Node | None) -> Node:
        kind, text = self._next()
        if kind != "name":
            raise self._error(self.tokens[self.position - 1][2])
        name = text.strip("`")
        if not self._accept("("):
            return Member(target, name)
        arguments: list[Node] = []
        if not self._accept(")"):
            arguments.append(self._expression(0))
            while self._accept(","):
                arguments.append(self._expression(0))
            self._expect(")")
        return Call(target, name, tuple(arguments))


def _literal(kind: str, text: str) -> Literal | None:
    if kind == "name":
        return Literal("boolean", text == "true")
    if kind == "number":
        return Literal("decimal" if "." in text else "integer", text)
    if kind == "string":
        return Literal("string", re.sub(r"\\(u[0-9a-fA-F]{4}|.)", _unescape, text[1:-1], flags=re.DOTALL))
    if kind == "time":
        return Literal("time", text[2:])
    if kind == "instant":
        return Literal("dateTime" if "T" in text else "date", text[1:].removesuffix("T"))
    return None


def _unescape(match: re.Match[str]) -> str:
    escaped = match.group(1)
    return chr(int(escaped[1:], 16)) if len(escaped) == 5 else _ESCAPES.get(escaped, escaped)

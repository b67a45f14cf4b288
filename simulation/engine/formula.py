"""SBML formulas (MathML, as libsbml's syntax tree) to NumPy source text."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any, Protocol

from simulation.engine.sbml import Unsupported

Naming = Callable[[str], str]
"""Turns an SBML id into the Python expression of its value."""


@cache
def _tables() -> tuple[dict[int, str], dict[int, str], dict[int, str]]:
    """Functions of one argument, infix operators and constants, keyed by libsbml's node types."""
    import libsbml as sbml

    unary = {
        sbml.AST_FUNCTION_ABS: "np.abs({})",
        sbml.AST_FUNCTION_ARCCOS: "np.arccos({})",
        sbml.AST_FUNCTION_ARCCOSH: "np.arccosh({})",
        sbml.AST_FUNCTION_ARCCOT: "np.arctan(np.true_divide(1.0, {}))",
        sbml.AST_FUNCTION_ARCCOTH: "np.arctanh(np.true_divide(1.0, {}))",
        sbml.AST_FUNCTION_ARCCSC: "np.arcsin(np.true_divide(1.0, {}))",
        sbml.AST_FUNCTION_ARCCSCH: "np.arcsinh(np.true_divide(1.0, {}))",
        sbml.AST_FUNCTION_ARCSEC: "np.arccos(np.true_divide(1.0, {}))",
        sbml.AST_FUNCTION_ARCSECH: "np.arccosh(np.true_divide(1.0, {}))",
        sbml.AST_FUNCTION_ARCSIN: "np.arcsin({})",
        sbml.AST_FUNCTION_ARCSINH: "np.arcsinh({})",
        sbml.AST_FUNCTION_ARCTAN: "np.arctan({})",
        sbml.AST_FUNCTION_ARCTANH: "np.arctanh({})",
        sbml.AST_FUNCTION_CEILING: "np.ceil({})",
        sbml.AST_FUNCTION_COS: "np.cos({})",
        sbml.AST_FUNCTION_COSH: "np.cosh({})",
        sbml.AST_FUNCTION_COT: "(1.0 / np.tan({}))",
        sbml.AST_FUNCTION_COTH: "(1.0 / np.tanh({}))",
        sbml.AST_FUNCTION_CSC: "(1.0 / np.sin({}))",
        sbml.AST_FUNCTION_CSCH: "(1.0 / np.sinh({}))",
        sbml.AST_FUNCTION_EXP: "np.exp({})",
        sbml.AST_FUNCTION_FACTORIAL: "gamma({} + 1.0)",
        sbml.AST_FUNCTION_FLOOR: "np.floor({})",
        sbml.AST_FUNCTION_LN: "np.log({})",
        sbml.AST_FUNCTION_SEC: "(1.0 / np.cos({}))",
        sbml.AST_FUNCTION_SECH: "(1.0 / np.cosh({}))",
        sbml.AST_FUNCTION_SIN: "np.sin({})",
        sbml.AST_FUNCTION_SINH: "np.sinh({})",
        sbml.AST_FUNCTION_TAN: "np.tan({})",
        sbml.AST_FUNCTION_TANH: "np.tanh({})",
        sbml.AST_LOGICAL_NOT: "np.logical_not({})",
    }
    infix = {
        sbml.AST_RELATIONAL_EQ: "==",
        sbml.AST_RELATIONAL_NEQ: "!=",
        sbml.AST_RELATIONAL_GEQ: ">=",
        sbml.AST_RELATIONAL_GT: ">",
        sbml.AST_RELATIONAL_LEQ: "<=",
        sbml.AST_RELATIONAL_LT: "<",
    }
    constants = {
        sbml.AST_CONSTANT_E: repr(math.e),
        sbml.AST_CONSTANT_PI: repr(math.pi),
        sbml.AST_CONSTANT_TRUE: "True",
        sbml.AST_CONSTANT_FALSE: "False",
        sbml.AST_NAME_TIME: "t",
        sbml.AST_NAME_AVOGADRO: "6.02214179e23",  # the value that SBML Level 3 fixes for its csymbol
    }
    return unary, infix, constants


class Shelf(Protocol):
    """Where subexpressions are put that stay the same while a model runs."""

    def is_fixed(self, node: Any) -> bool:
        """True if nothing in the formula changes during a run."""

    def keep(self, text: str) -> str:
        """The name under which the value of a NumPy expression will be at hand."""

    def full(self, text: str) -> str:
        """The name of an array with this value for every person."""


def source(node: Any, naming: Naming, shelf: Shelf | None = None) -> str:  # noqa: PLR0911 (one return per kind)
    """Write a formula as a NumPy expression.

    Args:
        node: a libsbml ``ASTNode``.
        naming: gives the Python expression of an SBML id.
        shelf: takes what need not be computed at every step; without it everything is written out.

    Raises:
        Unsupported: the formula uses a delay, ``rateOf``, or a function that is not defined.
    """
    import libsbml as sbml

    kind = node.getType()
    unary, infix, constants = _tables()
    if kind == sbml.AST_NAME:
        return naming(node.getName())
    if node.isNumber():
        return _number(node.getValue())
    if kind in constants:
        return constants[kind]
    if shelf is not None and (put_aside := _put_aside(node, naming, shelf)):
        return put_aside
    arguments = [source(node.getChild(number), naming, shelf) for number in range(node.getNumChildren())]
    if shelf is not None and kind in (sbml.AST_FUNCTION_MAX, sbml.AST_FUNCTION_MIN):
        # With a number NumPy leaves the vector instructions aside; with an array of it, it is several times as fast.
        arguments = [shelf.full(text) if node.getChild(n).isNumber() else text for n, text in enumerate(arguments)]
    if kind in unary:
        return unary[kind].format(f"({arguments[0]})")
    if kind in infix:
        pairs = [f"({a} {infix[kind]} {b})" for a, b in pairwise(arguments)]
        return _fold("np.logical_and", pairs, "True")
    written = _operation(kind, arguments)
    if written is None:
        raise Unsupported(f"the formula element {node.getName() or node.getOperatorName() or kind!r}")
    return written


def _put_aside(node: Any, naming: Naming, shelf: Shelf) -> str | None:
    """The name of a formula that does not change, or a quotient by one as a product, which is several times as fast."""
    import libsbml as sbml

    if shelf.is_fixed(node):
        return shelf.keep(source(node, naming))
    if node.getType() == sbml.AST_DIVIDE and shelf.is_fixed(node.getChild(1)):
        inverse = shelf.keep(f"np.true_divide(1.0, {source(node.getChild(1), naming)})")
        return f"({source(node.getChild(0), naming, shelf)} * {inverse})"
    return None


def into(node: Any, naming: Naming, shelf: Shelf, target: str) -> str:
    """A statement that writes a formula's value into ``target``, without a copy where the formula allows it."""
    import libsbml as sbml

    functions = {
        sbml.AST_PLUS: "np.add",
        sbml.AST_MINUS: "np.subtract",
        sbml.AST_TIMES: "np.multiply",
        sbml.AST_DIVIDE: "np.true_divide",
    }
    kind = node.getType()
    if kind not in functions or node.getNumChildren() != 2 or shelf.is_fixed(node):
        return f"{target} = {source(node, naming, shelf)}"
    if kind == sbml.AST_DIVIDE and shelf.is_fixed(node.getChild(1)):
        return f"{target} = {source(node, naming, shelf)}"
    first, second = (source(node.getChild(number), naming, shelf) for number in (0, 1))
    return f"{functions[kind]}({first}, {second}, out={target})"


def _operation(kind: int, arguments: list[str]) -> str | None:
    """Operators and functions of several arguments; None if the kind is not known."""
    write = _operations().get(kind)
    return write(arguments) if write else None


@cache
def _operations() -> dict[int, Callable[[list[str]], str]]:
    """How each operator or function of several arguments is written, keyed by libsbml's node types."""
    import libsbml as sbml

    return {
        sbml.AST_PLUS: lambda a: f"({' + '.join(a)})" if a else "0.0",
        sbml.AST_TIMES: lambda a: f"({' * '.join(a)})" if a else "1.0",
        sbml.AST_MINUS: lambda a: f"(-{a[0]})" if len(a) == 1 else f"({a[0]} - {a[1]})",
        sbml.AST_DIVIDE: lambda a: f"np.true_divide({a[0]}, {a[1]})",
        sbml.AST_POWER: _power,
        sbml.AST_FUNCTION_POWER: _power,
        sbml.AST_FUNCTION_ROOT: lambda a: (
            f"np.sqrt({a[0]})" if len(a) == 1 else f"np.power({a[1]} + 0.0, np.true_divide(1.0, {a[0]}))"
        ),
        sbml.AST_FUNCTION_LOG: lambda a: (
            f"np.log10({a[0]})" if len(a) == 1 else f"np.true_divide(np.log({a[1]}), np.log({a[0]}))"
        ),
        sbml.AST_FUNCTION_PIECEWISE: _piecewise,
        sbml.AST_LOGICAL_AND: lambda a: _fold("np.logical_and", a, "True"),
        sbml.AST_LOGICAL_OR: lambda a: _fold("np.logical_or", a, "False"),
        sbml.AST_LOGICAL_XOR: lambda a: _fold("np.logical_xor", a, "False"),
        sbml.AST_LOGICAL_IMPLIES: lambda a: f"np.logical_or(np.logical_not({a[0]}), {a[1]})",
        sbml.AST_FUNCTION_MAX: lambda a: _fold("np.maximum", a, "-np.inf"),
        sbml.AST_FUNCTION_MIN: lambda a: _fold("np.minimum", a, "np.inf"),
        sbml.AST_FUNCTION_QUOTIENT: lambda a: f"np.trunc(np.true_divide({a[0]}, {a[1]}))",
        sbml.AST_FUNCTION_REM: lambda a: f"np.fmod({a[0]}, {a[1]})",
    }


def _power(a: list[str]) -> str:
    return f"({a[0]} * {a[0]})" if a[1] == "2.0" and a[0].isidentifier() else f"np.power({a[0]} + 0.0, {a[1]})"


def _piecewise(a: list[str]) -> str:
    text = a[-1] if len(a) % 2 else "np.nan"
    for number in range(len(a) // 2 * 2 - 2, -1, -2):
        text = f"np.where({a[number + 1]}, {a[number]}, {text})"
    return text


def _fold(function: str, a: list[str], empty: str) -> str:
    if not a:
        return empty
    text = a[0]
    for one in a[1:]:
        text = f"{function}({text}, {one})"
    return text


def _number(value: float) -> str:
    if math.isnan(value):
        return "np.nan"
    if math.isinf(value):
        return "np.inf" if value > 0 else "(-np.inf)"
    return repr(float(value)) if value >= 0 else f"({float(value)!r})"


def names_in(math: Any) -> set[str]:
    """Ids that a formula reads."""
    import libsbml

    names = {math.getName()} if math.getType() == libsbml.AST_NAME else set()
    for number in range(math.getNumChildren()):
        names |= names_in(math.getChild(number))
    return names


def has_time(math: Any) -> bool:
    """Whether a formula reads the time."""
    import libsbml

    return math.getType() == libsbml.AST_NAME_TIME or any(
        has_time(math.getChild(number)) for number in range(math.getNumChildren())
    )


def python_name(identifier: str) -> str:
    """A Python name for an SBML id (letters, digits, underscores by its grammar)."""
    if not identifier.isidentifier():
        raise Unsupported("an id that is no SBML id")
    return f"v_{identifier}"

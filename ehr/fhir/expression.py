"""FHIRPath syntax tree → typed SQL."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ehr.fhir import operators
from ehr.fhir.errors import CompileError
from ehr.fhir.fhirpath import Binary, Call, Empty, External, Index, Literal, Member, Node, Sign, This, parse
from ehr.fhir.schema import INTEGERS, is_type
from ehr.fhir.values import EMPTY, Value, constant, exists, fresh, member, quote, single


@dataclass(frozen=True)
class Scope:
    """What an expression sees: the focus, the resource, the row index and the constants."""

    this: Value
    resource: Value
    index: str
    constants: dict[str, Value] = field(default_factory=dict)

    def focus(self, this: Value, index: str | None = None) -> Scope:
        """The same with another focus."""
        return replace(self, this=this, index=self.index if index is None else index)


@dataclass
class Evaluator:
    """Compiles expressions and remembers the elements that FHIR R4 does not have."""

    unknown: list[str] = field(default_factory=list)
    indexes: set[str] = field(default_factory=set)
    """Row indexes that some expression reads."""

    def path(self, text: str, scope: Scope) -> Value:
        """Compile a FHIRPath text.

        Raises:
            CompileError: naming the expression.
        """
        node = parse(text)
        try:
            return self.value(node, scope)
        except CompileError as error:
            raise error if text in str(error) else CompileError(f"FHIRPath {text!r}: {error}") from None

    def condition(self, value: Value, what: str) -> str:
        """Use a value as a boolean; null counts as false.

        Raises:
            CompileError: its type is known and not boolean.
        """
        if value.type not in ("boolean", None):
            raise CompileError(f"{what} must be boolean, but is {value.type}")
        sql = single(value, what).sql
        return "false" if value.type is None or sql == "false" else f"coalesce({sql}, false)"

    def value(self, node: Node, scope: Scope) -> Value:  # noqa: PLR0911 (one return per kind of node)
        """Compile one node of the syntax tree."""
        match node:
            case Literal(kind, value):
                return constant(kind, value)
            case Empty():
                return EMPTY
            case This():
                return scope.this
            case External(name):
                return self._external(name, scope)
            case Member(target, name):
                return self._member(target, name, scope)
            case Index(target, position):
                return self._indexed(self.value(target, scope), self.value(position, scope))
            case Sign(operator, operand):
                return operators.sign(operator, self.value(operand, scope))
            case Binary("as", left, right):
                return self._call(Call(left, "ofType", (right,)), scope)
            case Binary(operator, left, right):
                return operators.binary(operator, self.value(left, scope), self.value(right, scope))
            case Call():
                return self._call(node, scope)
        raise CompileError(f"{type(node).__name__} is not supported")

    def _external(self, name: str, scope: Scope) -> Value:
        if name == "rowIndex":
            self.indexes.add(scope.index)
            return Value(scope.index, "integer")
        if name in scope.constants:
            return scope.constants[name]
        if name in ("resource", "rootResource"):
            return scope.resource
        if name == "context":
            return scope.this
        known = ", ".join(sorted(scope.constants)) or "none"
        raise CompileError(f"%{name} is not a constant of this view (declared: {known})")

    def _member(self, target: Node | None, name: str, scope: Scope) -> Value:
        parent = scope.this if target is None else self.value(target, scope)
        if target is None and scope.this is scope.resource and name == scope.resource.type:
            return scope.resource
        found = member(parent, name)
        if found is None:
            if parent.type is not None:
                self.unknown.append(f"{parent.type}.{name}")
            return EMPTY
        return found

    def _indexed(self, value: Value, position: Value) -> Value:
        if position.type not in INTEGERS or position.many:
            raise CompileError("an index must be one integer")
        if value.many:
            return replace(value, sql=f"list_extract({value.sql}, {position.sql} + 1)", many=False, head=None)
        if value.type is None:
            return value
        return replace(value, sql=f"case when {position.sql} = 0 then {value.sql} end")

    def _call(self, call: Call, scope: Scope) -> Value:
        from ehr.fhir.functions import FUNCTIONS

        function = FUNCTIONS.get(call.name)
        if function is None:
            raise CompileError(f"function {call.name}() is not supported; supported: {', '.join(sorted(FUNCTIONS))}")
        value = scope.this if call.target is None else self.value(call.target, scope)
        return function(self, value, call.arguments, scope)

    def filtered(self, value: Value, criteria: Node, scope: Scope) -> Value:
        """``value.where(criteria)``."""
        if value.type is None:
            return value
        if not value.many:
            condition = self.condition(self.value(criteria, scope.focus(value)), "criteria")
            if value.sql == "":
                return replace(value, guard=f"({value.guard} and {condition})" if value.guard else condition)
            return replace(value, sql=f"case when {condition} then {value.sql} end")
        item = fresh("x")
        element = replace(value, sql=item, many=False, head=None)
        condition = self.condition(self.value(criteria, scope.focus(element)), "criteria")
        return replace(value, head=None, sql=f"list_filter({value.sql}, lambda {item}: {condition})")

    def text_argument(self, arguments: tuple[Node, ...], name: str, scope: Scope) -> str:
        """The single string argument of a function, as SQL."""
        value = self.value(arguments[0], scope) if len(arguments) == 1 else EMPTY
        if value.kind != "string" or value.many:
            raise CompileError(f"{name}() takes one string")
        return value.sql


def type_argument(arguments: tuple[Node, ...], name: str) -> str:
    """The type name given to ``ofType`` and ``getReferenceKey``."""
    node = arguments[0] if len(arguments) == 1 else None
    if isinstance(node, Member):
        qualified = node.target is None or node.target in (Member(None, "FHIR"), Member(None, "System"))
        type_name = node.name
        if isinstance(node.target, Member) and node.target.name == "System":
            type_name = type_name[0].lower() + type_name[1:]
        if qualified and is_type(type_name):
            return type_name
    raise CompileError(f"{name}() takes the name of a FHIR R4 type")


__all__ = ["Evaluator", "Scope", "exists", "quote", "type_argument"]

"""ViewDefinition → one native DuckDB statement over explicit struct columns: no UDF, no per-row Python.

Each ``forEach`` becomes an ``unnest``, columns become struct access and list lambdas, a ``unionAll`` a list of structs
that is unnested, ``repeat`` a recursive CTE over JSON. The source is read with the struct types of just the elements
that the view uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ehr.fhir.errors import CompileError
from ehr.fhir.expression import Evaluator, Scope
from ehr.fhir.rows import Builder
from ehr.fhir.schema import Shape, is_resource
from ehr.fhir.source import ndjson
from ehr.fhir.values import Value, constant, quote, start_names
from ehr.fhir.viewdefinition import ViewDefinition, load

__all__ = ["CompileError", "Plan", "compile_view", "plan_view"]

SOURCE = "\x01source\x01"
_NOTHING_ELSE = "\x01nothing else\x01"


@dataclass(frozen=True)
class Plan:
    """A compiled view, still without its source.

    Attributes:
        resource: the resource type.
        columns: the columns that the source must have: FHIR element name → DuckDB type, pruned to what is read.
        shape: the same as a tree.
        output: the result's columns: name → DuckDB type.
        unknown: elements that FHIR R4 does not have, such as ``Patient.nmae``; they are read as empty.
        template: the statement with a placeholder for the source.
    """

    resource: str
    columns: dict[str, str]
    shape: Shape
    output: dict[str, str]
    unknown: tuple[str, ...]
    template: str = field(repr=False)

    def sql(self, source: str) -> str:
        """The statement over a source: any SQL relation with ``columns`` (and those carried)."""
        return self.template.replace(SOURCE, source)


def plan_view(
    view: dict[str, Any] | ViewDefinition | Path, carry: Sequence[str] = (), absent: frozenset[str] = frozenset()
) -> Plan:
    """Compile a view.

    Args:
        view: a ViewDefinition, as a dict, a model or a JSON file.
        carry: extra source columns to repeat on every row, such as a record number.
        absent: names of elements that the source is believed not to hold. The statement is cheaper without them, and
            fails on a source that holds one after all (an error that says ``ENUM``).

    Raises:
        CompileError: the view is invalid or leaves the supported subset.
    """
    view = load(view)
    start_names()
    if not is_resource(view.resource):
        raise CompileError(f"resource {view.resource!r} is not a FHIR R4 resource type")
    shape = Shape(view.resource, absent=absent)
    shape.child("resourceType", "code", False)
    resource = Value("", view.resource, shape=shape)
    scope = Scope(resource, resource, "0", {one.name: constant(one.kind, one.value) for one in view.constant})
    evaluator = Evaluator()
    wanted = [f'"resourceType" = {quote(view.resource)}']
    for where in view.where:
        wanted.append(evaluator.condition(evaluator.path(where.path, scope), f"where {where.path!r}"))
    builder = Builder(evaluator)
    header = builder.header(view.select, scope)
    relation = f"(select * from {SOURCE} where {' and '.join(wanted)}{_NOTHING_ELSE})"
    relation, outputs = builder.relation(view.select, scope, relation)
    names = [f'"{name}"' for name in carry] + [f'{sql} as "{name}"' for name, sql in outputs]
    template = builder.finish(f"select {', '.join(names)} from {relation}")
    # DuckDB does not look at a column that no expression uses; this one is always true, and keeps the column in
    unused = [name for name, child in shape.children.items() if child.is_left_out]
    template = template.replace(_NOTHING_ELSE, "".join(f' and hash("{name}") is not null' for name in unused))
    columns = {name: child.sql_type for name, child in shape.children.items()}
    return Plan(view.resource, columns, shape, header, tuple(dict.fromkeys(evaluator.unknown)), template)


def compile_view(
    view: dict[str, Any] | ViewDefinition | Path,
    source: str | Path | Iterable[str | Path] | Callable[[dict[str, str]], str],
    carry: Sequence[str] = (),
) -> str:
    """Compile a view to SQL.

    Args:
        view: see ``plan_view``.
        source: NDJSON files (a path or several; globs allowed), or a function from the needed columns to a SQL
            relation, or the text of a SQL relation starting with ``(``.
        carry: see ``plan_view``.
    """
    plan = plan_view(view, carry)
    if callable(source):
        return plan.sql(source(plan.columns))
    if isinstance(source, str) and source.lstrip().startswith("("):
        return plan.sql(source)
    files = [source] if isinstance(source, str | Path) else list(source)
    return plan.sql(ndjson(files, plan.columns))

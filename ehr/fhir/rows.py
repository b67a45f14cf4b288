"""The selection tree of a view as rows: unnest, cross product, union, recursion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ehr.fhir.errors import CompileError
from ehr.fhir.expression import Evaluator, Scope
from ehr.fhir.schema import Shape, is_complex
from ehr.fhir.selection import Outputs, alike, case, concatenated, iterates, recursive, struct, unnestable
from ehr.fhir.source import structure
from ehr.fhir.values import EMPTY, Value, as_list, fresh, quote, single
from ehr.fhir.viewdefinition import Column, Select


@dataclass(frozen=True)
class _Node:
    select: Select
    scope: Scope


@dataclass(frozen=True)
class _Union:
    branches: tuple[Select, ...]
    scope: Scope


_Task = _Node | _Union


@dataclass
class Builder:
    """Builds the relation of a view. One instance per view."""

    evaluator: Evaluator
    ctes: list[str] = field(default_factory=list)
    _late: dict[str, Shape] = field(default_factory=dict)
    """Structures that are known only when everything below them is compiled."""
    _indexes: dict[str, str] = field(default_factory=dict)
    _whole: list[tuple[str, Shape]] = field(default_factory=list)

    # --- columns ---------------------------------------------------------------------------------------------------

    def header(self, selects: Sequence[Select], scope: Scope) -> dict[str, str]:
        """Names and DuckDB types of the result.

        Raises:
            CompileError: a name twice, or unionAll branches that differ.
        """
        found: dict[str, str] = {}
        for select in selects:
            inner = self._focus_type(select, scope)
            parts = [{column.name: self._column_type(column, inner)} for column in select.column]
            parts.append(self.header(select.select, inner))
            if select.union_all:
                parts.append(self._common([self.header([branch], inner) for branch in select.union_all]))
            for part in parts:
                if twice := found.keys() & part.keys():
                    raise CompileError(f"column {sorted(twice)[0]!r} is defined twice")
                found |= part
        return found

    @staticmethod
    def _common(headers: list[dict[str, str]]) -> dict[str, str]:
        names = list(headers[0])
        common: dict[str, str] = {}
        for header in headers:
            if list(header) != names:
                raise CompileError(f"unionAll branches differ in columns: {names} and {list(header)}")
        for name in names:
            kinds = {header[name] for header in headers if header[name]}
            if len(kinds) > 1 and kinds != {"BIGINT", "DOUBLE"}:
                raise CompileError(f"unionAll column {name!r} has different types: {sorted(kinds)}")
            common[name] = max(kinds, default="")
        return common

    def _column_type(self, column: Column, scope: Scope) -> str:
        value = self.evaluator.path(column.path, scope)
        if value.choice is not None:
            raise CompileError(f"column {column.name!r}: choose a type with ofType(…)")
        kind = value.sql_type if value.type else ""
        return f"{kind or 'VARCHAR'}[]" if column.collection else kind

    def _column(self, column: Column, scope: Scope) -> str:
        value = self.evaluator.path(column.path, scope)
        if value.sql == "":
            raise CompileError(f"column {column.name!r}: a whole resource is not a column")
        if value.type and is_complex(value.type) and value.shape is not None:
            self._whole.append((column.name, value.shape))
        if column.collection:
            return as_list(value) if value.type else "cast([] as varchar[])"
        if value.type is None:
            return "cast(null as varchar)"
        return single(value, f"column {column.name}").sql

    # --- iteration -------------------------------------------------------------------------------------------------

    def _iterated(self, select: Select, scope: Scope) -> Value | None:
        path = select.for_each if select.for_each is not None else select.for_each_or_null
        if path is None:
            return None
        value = self.evaluator.path(path, scope)
        if value.choice is not None:
            raise CompileError(f"forEach {path!r}: choose a type with ofType(…)")
        return value

    def _never(self, select: Select, scope: Scope) -> bool:
        """Whether a select can give no row, because what it iterates over does not exist."""
        value = self._iterated(select, scope) if select.for_each is not None else None
        return value is not None and value.type is None

    def _focus_type(self, select: Select, scope: Scope) -> Scope:
        """The scope inside a select, for types only."""
        if select.repeat:
            kind, _ = self._repeated(select, scope)
            return scope.focus(Value("null", kind, shape=Shape(kind) if kind else None), "0")
        value = self._iterated(select, scope)
        return scope if value is None else scope.focus(replace(value, sql="null", many=False, head=None), "0")

    @staticmethod
    def _kept(value: Value, or_null: bool) -> str:
        items = as_list(value)
        return f"case when len({items}) > 0 then {items} else [null] end" if or_null else items

    def _when_read(self, index: str, column: str) -> str:
        """A placeholder for the column of a row index, which is made only if some expression reads it."""
        token = f"\x01{index}\x01"
        self._indexes[token] = f", {column} as {index}"
        return token

    # --- relational form -------------------------------------------------------------------------------------------

    def relation(self, selects: Sequence[Select], scope: Scope, relation: str) -> tuple[str, Outputs]:
        """The relation that holds everything the columns need, and the columns as expressions over it."""
        tasks: list[_Task] = [_Node(select, scope) for select in selects]
        outputs: Outputs = []
        while tasks:
            task = tasks.pop(0)
            if isinstance(task, _Union):
                relation, outputs = self._settled(relation, outputs)
                relation, columns = self._union(task, relation)
                outputs += columns
                continue
            if iterates(task.select):
                relation, outputs = self._settled(relation, outputs)
            relation, inner = self._enter(task.select, task.scope, relation)
            outputs += [(column.name, self._column(column, inner)) for column in task.select.column]
            tasks = [*self._below(task.select, inner), *tasks]
        return relation, outputs

    @staticmethod
    def _settled(relation: str, outputs: Outputs) -> tuple[str, Outputs]:
        """Compute columns before rows multiply: once per resource instead of once per item."""
        pending = {sql: fresh("o") for _, sql in outputs if not sql.startswith("_o")}
        if not pending:
            return relation, outputs
        computed = ", ".join(f"{sql} as {name}" for sql, name in pending.items())
        return f"(select *, {computed} from {relation})", [(name, pending.get(sql, sql)) for name, sql in outputs]

    @staticmethod
    def _below(select: Select, scope: Scope) -> list[_Task]:
        nested: list[_Task] = [_Node(one, scope) for one in select.select]
        return [*nested, _Union(select.union_all, scope)] if select.union_all else nested

    def _enter(self, select: Select, scope: Scope, relation: str) -> tuple[str, Scope]:
        if select.repeat:
            return self._repeat(select, scope, relation)
        value = self._iterated(select, scope)
        if value is None:
            return relation, scope
        if value.type is None:
            nothing = "false" if select.for_each is not None else "true"
            return f"(select * from {relation} where {nothing})", scope.focus(EMPTY, "0")
        relation, item, index = self._unnested(unnestable(value), select.for_each_or_null is not None, relation)
        return relation, scope.focus(replace(value, sql=item, many=False, head=None), index)

    def _unnested(self, items: str, or_null: bool, relation: str) -> tuple[str, str, str]:
        """One row per item: the new relation, the names of the item and of its index.

        Lists unnested side by side are padded with NULL: that is the row of an empty ``forEachOrNull``.
        """
        listed, item, index = fresh("l"), fresh("e"), fresh("i")
        size = f"coalesce(len({listed}), 0)"
        positions = f"unnest(range({f'greatest({size}, 1)' if or_null else size}))"
        numbered = f", {positions} as {index}" if or_null else self._when_read(index, positions)
        listing = f"(select *, {items} as {listed} from {relation})"
        return f"(select * exclude ({listed}), unnest({listed}) as {item}{numbered} from {listing})", item, index

    # --- unions ----------------------------------------------------------------------------------------------------

    def _union(self, task: _Union, relation: str) -> tuple[str, Outputs]:
        header = self._common([self.header([branch], task.scope) for branch in task.branches])
        kinds = {name: kind or "VARCHAR" for name, kind in header.items()}
        if some := [one for one in task.branches if not self._never(one, task.scope)]:
            task = _Union(tuple(some), task.scope)
        if len(task.branches) == 1:
            relation, columns = self.relation(task.branches, task.scope, relation)
            return relation, [(name, f"cast({sql} as {kinds[name]})") for name, sql in columns]
        if tagged := self._tagged(task, relation, kinds):
            return tagged
        row = fresh("u")
        outputs = [(name, f"struct_extract({row}, '{name}')") for name in kinds]
        if not any(map(recursive, task.branches)):
            rows = self._rows([task], [], kinds)
            return f"(select *, unnest({rows}) as {row} from {relation})", outputs
        base = fresh("c")
        self.ctes.append(f"{base} as materialized (select *, row_number() over () as {base}_key from {relation})")
        parts = []
        for branch in task.branches:
            inner, columns = self.relation([branch], task.scope, f"(select * from {base})")
            parts.append(f"select {base}_key as {row}_key, {struct(columns, kinds)} as {row} from {inner}")
        union = " union all ".join(parts)
        joined = f"(select {base}.*, {row}s.{row} from {base} join ({union}) as {row}s on {base}_key = {row}_key)"
        return joined, outputs

    def _tagged(self, task: _Union, relation: str, kinds: dict[str, str]) -> tuple[str, Outputs] | None:
        """Branches of one form, at most one of which iterates, as tagged elements: columns are made on flat rows.

        ``component`` and the observation itself: the items are unnested beside ``range(size + 1)``, and the rows past
        the last item belong to the branch that does not iterate. Many times cheaper than whole rows built in list
        lambdas. ``None`` when the branches do not fit.
        """
        focuses = [self._iterated(branch, task.scope) for branch in task.branches]
        iterating = [k for k, focus in enumerate(focuses) if focus is not None]
        if len(iterating) != 1 or not alike(task.branches):
            return None
        (at,) = iterating
        focus, branch = focuses[at], task.branches[at]
        if focus is None or focus.type is None:
            return None
        listed, size, item, place, tag = (fresh(prefix) for prefix in "lneit")
        element = task.scope.focus(replace(focus, sql=item, many=False, head=None), place)
        scopes = [element if k == at else task.scope for k in range(len(focuses))]
        nested = [
            [self._iterated(one, scope) for one in branch.select]
            for branch, scope in zip(task.branches, scopes, strict=True)
        ]
        by_position = [[one for one in column if one is not None] for column in zip(*nested, strict=True)]
        if any(len({one.type for one in column}) > 1 or column[0].type is None for column in by_position):
            return None
        items = self._kept(focus, True) if branch.for_each_or_null is not None else unnestable(focus)
        order = [at, *(k for k in range(len(focuses)) if k != at)]
        relation = (
            f"(select * exclude ({listed}), greatest({place} - {size} + 1, 0) as {tag} from (select *,"
            f" unnest({listed}) as {item}, unnest(range({size} + {len(order) - 1})) as {place} from (select *,"
            f" coalesce(len({listed}), 0) as {size} from (select *,"
            f" {items} as {listed} from {relation}))))"
        )
        branches, scopes = [task.branches[k] for k in order], [scopes[k] for k in order]
        outputs = self._by_tag([one.column for one in branches], scopes, kinds, tag)
        for position, column in enumerate(by_position):
            for other in column[1:]:
                if column[0].shape is not None and other.shape is not None:
                    column[0].shape.link(other.shape)
            or_null = branches[0].select[position].for_each_or_null is not None
            items = case(tag, [unnestable(column[k]) for k in order])
            relation, outputs = self._settled(relation, outputs)
            relation, inner, index = self._unnested(items, or_null, relation)
            inside = replace(column[0], sql=inner, many=False, head=None)
            columns = [one.select[position].column for one in branches]
            outputs += self._by_tag(columns, [scope.focus(inside, index) for scope in scopes], kinds, tag)
        return relation, outputs

    def _by_tag(
        self, columns: list[tuple[Column, ...]], scopes: list[Scope], kinds: dict[str, str], tag: str
    ) -> Outputs:
        """The columns of the branches as one, by the tag of the row where they differ."""
        compiled = [[self._column(one, scope) for one in part] for part, scope in zip(columns, scopes, strict=True)]
        names = [one.name for one in columns[0]]
        return [
            (name, f"cast({case(tag, list(sqls))} as {kinds[name]})")
            for name, sqls in zip(names, zip(*compiled, strict=True), strict=True)
        ]

    def _rows(self, tasks: list[_Task], done: Outputs, kinds: dict[str, str]) -> str:
        """The cross product of the tasks as a SQL list of structs, built inside out."""
        if not tasks:
            return f"[{struct(done, kinds)}]"
        task, rest = tasks[0], tasks[1:]
        if isinstance(task, _Union):
            parts = [self._rows([_Node(branch, task.scope), *rest], done, kinds) for branch in task.branches]
            return parts[0] if len(parts) == 1 else f"list_concat({', '.join(parts)})"
        value = self._iterated(task.select, task.scope)
        if value is None:
            return self._inside(task.select, task.scope, rest, done, kinds)
        if value.type is None:
            inner = self._inside(task.select, task.scope.focus(EMPTY, "0"), rest, done, kinds)
            return f"list_filter({inner}, lambda {fresh('x')}: {'false' if task.select.for_each else 'true'})"
        item, index = fresh("e"), fresh("i")
        scope = task.scope.focus(replace(value, sql=item, many=False, head=None), f"({index} - 1)")
        inner = self._inside(task.select, scope, rest, done, kinds)
        items = self._kept(value, task.select.for_each_or_null is not None)
        if inner.startswith("[{") and inner.endswith("}]"):
            return f"list_transform({items}, lambda {item}, {index}: {inner[1:-1]})"
        return f"flatten(list_transform({items}, lambda {item}, {index}: {inner}))"

    def _inside(self, select: Select, scope: Scope, rest: list[_Task], done: Outputs, kinds: dict[str, str]) -> str:
        columns = [(column.name, self._column(column, scope)) for column in select.column]
        return self._rows([*self._below(select, scope), *rest], [*done, *columns], kinds)

    # --- recursion -------------------------------------------------------------------------------------------------

    def _repeated(self, select: Select, scope: Scope) -> tuple[str | None, list[Value]]:
        """The type that a ``repeat`` walks through, and its first step; unknown paths are empty."""
        known = len(self.evaluator.unknown)
        values = [self.evaluator.path(path, scope) for path in select.repeat]
        values = [value for value in values if value.type is not None]
        if values:
            del self.evaluator.unknown[known:]
        kinds = {value.type for value in values}
        if len(kinds) > 1 or any(value.kind != "complex" or value.choice for value in values):
            raise CompileError(f"repeat {list(select.repeat)} must walk through elements of one complex type")
        for value in values:
            if value.shape is not None and value.shape.children:
                raise CompileError(f"repeat {list(select.repeat)} reads an element that the view also opens directly")
            if value.shape is not None:
                value.shape.as_json = True
        return (kinds.pop() if kinds else None), values

    def _repeat(self, select: Select, scope: Scope, relation: str) -> tuple[str, Scope]:
        kind, values = self._repeated(select, scope)
        if kind is None:
            return f"(select * from {relation} where false)", scope.focus(EMPTY, "0")
        base, walk, item = fresh("c"), fresh("w"), fresh("e")
        deeper = scope.focus(Value("node", kind, shape=Shape(kind)))
        children = [value for path in select.repeat if (value := self.evaluator.path(path, deeper)).type]
        for value in children:
            if value.shape is not None:
                value.shape.as_json = True
        assert deeper.this.shape is not None
        step = f"from_json(node, {self._structure(deeper.this.shape)})"
        self.ctes.append(f"{base} as materialized (select *, row_number() over () as {base}_key from {relation})")
        self.ctes.append(
            f"{walk}(key, place, node) as ("
            f"select key, [n], node from (select key, generate_subscripts(nodes, 1) as n, unnest(nodes) as node from"
            f" (select {base}_key as key, {concatenated(values)} as nodes from {base}))"
            f" union all select key, list_append(place, n), node from (select key, place,"
            f" generate_subscripts(nodes, 1) as n, unnest(nodes) as node from"
            f" (select key, place, {concatenated(children)} as nodes from"
            f" (select key, place, {step} as node from {walk}))))"
        )
        shape = Shape(kind)
        index = fresh("i")
        numbered = self._when_read(index, "row_number() over (partition by key order by place) - 1")
        joined = (
            f"(select {base}.*, from_json(node, {self._structure(shape)}) as {item}{numbered}"
            f" from {base} join {walk} on {base}_key = key)"
        )
        return joined, scope.focus(Value(item, kind, shape=shape), index)

    def _structure(self, shape: Shape) -> str:
        token = f"\x01{fresh('s')}\x01"
        self._late[token] = shape
        return token

    # --- the end ---------------------------------------------------------------------------------------------------

    def finish(self, statement: str) -> str:
        """Add the common table expressions and fill in what had to wait."""
        for name, shape in self._whole:
            if shape.children:
                raise CompileError(f"column {name!r} takes a whole {shape.type} that the view also opens")
        statement = f"with recursive {', '.join(self.ctes)} {statement}" if self.ctes else statement
        for token, shape in self._late.items():
            statement = statement.replace(token, quote(structure(shape)))
        for token, column in self._indexes.items():
            used = token.strip("\x01") in self.evaluator.indexes
            statement = statement.replace(token, column if used else "")
        return statement

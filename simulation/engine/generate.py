"""The generator: an SBML model becomes NumPy functions, one array element per person.

Constructs outside compartments of constant size, species, reactions, parameters, rate rules, assignment rules, initial
assignments and function definitions are refused by name (`Unsupported`), never approximated. What does not change
while a model runs is computed once per run, not once per step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from simulation.engine.course import Array
from simulation.engine.formula import has_time, into, names_in, python_name, source
from simulation.engine.sbml import BadModel, Model, Unsupported, plain

Report = Callable[[float, Array, Sequence[Any], Sequence[Any]], list[Any]]


@dataclass(frozen=True)
class Compiled:
    """An SBML model as NumPy.

    Attributes:
        states: ids that are integrated. Species that reactions change are held as amounts.
        constants: ids with a value that does not change by itself; each may be set per person.
        fixed: ``fixed(k, n)`` gives what follows from the constants of ``n`` persons alone; computed again when a
            constant is changed.
        rate: ``rate(t, y, k, c, d)`` writes dy/dt into ``d``; ``y`` and ``d`` have shape (states, persons), ``k`` is
            a list of numbers or arrays of shape (persons,), one per constant, ``c`` comes from ``fixed``.
        reporter: ``reporter(symbols)`` gives a function of (t, y, k, c) that returns the value of each symbol: an id
            (as SBML's formulas see it), ``amount(id)`` or ``concentration(id)`` of a species.
        start: ``start(k)`` gives the initial ``y`` for one person or, with arrays in ``k``, for all, and the constants
            after initial assignments.
    """

    states: tuple[str, ...]
    constants: tuple[str, ...]
    defaults: tuple[float, ...]
    fixed: Callable[[Sequence[Any], int], list[Any]]
    rate: Callable[[float, Array, Sequence[Any], Sequence[Any], Array], None]
    reporter: Callable[[tuple[str, ...]], Report]
    start: Callable[[list[Any]], tuple[list[Any], list[Any]]]
    text: str
    """The generated source, for people who want to read what is run."""
    loop: str
    """The statements of ``rate`` for one person; values stand as ``y[1]``, ``k[2]``, ``c[3]``, ``d[1]`` (`kernel`)."""


def compile_model(model: Model) -> Compiled:
    """Generate NumPy from an SBML model.

    Raises:
        Unsupported: the model uses a construct outside those named above; the message names it.
        BadModel: a formula uses what the model does not define.
    """
    return _Generator(model).compiled()


class _Shelf:
    """Subexpressions that stay the same during a run; each is written down once and computed once."""

    def __init__(self, generator: _Generator) -> None:
        self.generator = generator
        self.names: dict[str, str] = {}

    def is_fixed(self, node: Any) -> bool:
        return not has_time(node) and names_in(node) <= self.generator.fixed_names

    def keep(self, text: str) -> str:
        return self.names.setdefault(text, f"c_{len(self.names)}")

    def full(self, text: str) -> str:
        return self.keep(f"np.full(n, {text})")


class _Generator:
    """Collects symbols and equations of one model, in the order in which they must be evaluated."""

    def __init__(self, model: Model) -> None:
        self.model = plain(model)
        self._refuse()
        self.species = {one.getId(): one for one in self.model.getListOfSpecies()}
        self.compartments = {one.getId(): one for one in self.model.getListOfCompartments()}
        self.rates = self._rules("isRate")
        self.assigned = self._rules("isAssignment")
        self.flows = self._flows()
        self.reactions = {one.getId(): one.getKineticLaw().getMath() for one in self.model.getListOfReactions()}
        self.values = {**self._values(), **self._references()}
        self.initial = {
            one.getSymbol(): one.getMath() for one in self.model.getListOfInitialAssignments() if one.isSetMath()
        }
        self.states = tuple(sorted({*self.rates, *self.flows}))
        self.constants = tuple(sorted(set(self.values) - set(self.states) - set(self.assigned)))
        self.formulas = {**self.assigned, **self.reactions}
        self._check_names()

    def _check_names(self) -> None:
        """Every name that a formula uses must be something in the model."""
        formulas = [*self.rates.values(), *self.formulas.values(), *self.initial.values()]
        known = {*self.values, *self.formulas}
        unknown = sorted({name for math in formulas for name in names_in(math)} - known)
        if unknown:
            raise BadModel(f"formulas use {', '.join(map(repr, unknown))}, which the model does not define")

    def _refuse(self) -> None:
        found = {
            "events": self.model.getNumEvents(),
            "constraints": self.model.getNumConstraints(),
            "algebraic rules": sum(rule.isAlgebraic() for rule in self.model.getListOfRules()),
            "fast reactions": sum(one.isSetFast() and one.getFast() for one in self.model.getListOfReactions()),
            "conversion factors": int(self.model.isSetConversionFactor())
            + sum(one.isSetConversionFactor() for one in self.model.getListOfSpecies()),
        }
        for what, count in found.items():
            if count:
                raise Unsupported(what)
        ruled = {rule.getVariable() for rule in self.model.getListOfRules()}
        if ruled & {one.getId() for one in self.model.getListOfCompartments()}:
            raise Unsupported("compartments of changing size")
        if ruled & {part.getId() for part in self._parts() if part.isSetId()}:
            raise Unsupported("stoichiometries that change")

    def _parts(self) -> Iterable[Any]:
        """Reactants and products of all reactions."""
        for one in self.model.getListOfReactions():
            yield from one.getListOfReactants()
            yield from one.getListOfProducts()

    def _rules(self, kind: str) -> dict[str, Any]:
        rules = self.model.getListOfRules()
        return {rule.getVariable(): rule.getMath() for rule in rules if getattr(rule, kind)() and rule.isSetMath()}

    def _values(self) -> dict[str, float]:
        values = {one.getId(): one.getSize() if one.isSetSize() else 1.0 for one in self.compartments.values()}
        values |= {one.getId(): one.getValue() for one in self.model.getListOfParameters()}
        for name, one in self.species.items():
            size = values[one.getCompartment()]
            if one.isSetInitialAmount():
                amount = one.getInitialAmount()
            else:
                amount = one.getInitialConcentration() * size if one.isSetInitialConcentration() else np.nan
            values[name] = amount if one.getHasOnlySubstanceUnits() else amount / size if size else np.nan
        return values

    def _references(self) -> dict[str, float]:
        return {
            part.getId(): part.getStoichiometry() if part.isSetStoichiometry() else 1.0
            for part in self._parts()
            if part.isSetId()
        }

    def _flows(self) -> dict[str, list[str]]:
        """For each species that reactions change: signed ``stoichiometry * reaction`` terms."""
        flows: dict[str, list[str]] = {}
        for reaction in self.model.getListOfReactions():
            if not reaction.isSetKineticLaw() or not reaction.getKineticLaw().isSetMath():
                raise Unsupported(f"reaction {reaction.getId()!r} has no kinetic law")
            for sign, parts in (("-", reaction.getListOfReactants()), ("+", reaction.getListOfProducts())):
                for part in parts:
                    species = self.species[part.getSpecies()]
                    if species.getBoundaryCondition() or species.getConstant():
                        continue
                    if part.isSetStoichiometryMath():
                        raise Unsupported("stoichiometries given as formulas")
                    factor = part.getId() if part.isSetId() else None
                    number = part.getStoichiometry() if part.isSetStoichiometry() else 1.0
                    term = f"{sign} {python_name(factor) if factor else repr(number)} * {python_name(reaction.getId())}"
                    flows.setdefault(part.getSpecies(), []).append(term)
        return flows

    def _ordered(self, formulas: Mapping[str, Any]) -> list[str]:
        """Ids in an order in which every formula finds what it needs."""
        order: dict[str, None] = {}
        visiting: set[str] = set()

        def visit(name: str) -> None:
            if name in order or name not in formulas:
                return
            if name in visiting:
                raise Unsupported("assignments that depend on each other in a circle")
            visiting.add(name)
            for used in names_in(formulas[name]):
                visit(used)
            order[name] = None

        for name in sorted(formulas):
            visit(name)
        return list(order)

    @cached_property
    def fixed_names(self) -> set[str]:
        """Constants, and assignments that follow from constants alone."""
        fixed = set(self.constants)
        for name in self._ordered(self.formulas):
            if not has_time(self.formulas[name]) and names_in(self.formulas[name]) <= fixed:
                fixed.add(name)
        return fixed

    @cached_property
    def _fixed_order(self) -> list[str]:
        """Assignments and reactions that do not change during a run, in order: the head of what ``fixed`` returns."""
        return [name for name in self._ordered(self.formulas) if name in self.fixed_names]

    def _body(self, needed: Iterable[str], shelf: _Shelf) -> list[str]:
        """Statements that give every needed name its value at ``t``."""
        wanted: set[str] = set()

        def want(name: str) -> None:
            if name not in wanted:
                wanted.add(name)
                if name in self.flows and not self.species[name].getHasOnlySubstanceUnits():
                    want(self.species[name].getCompartment())
                if name in self.formulas and name not in self.fixed_names:
                    for used in names_in(self.formulas[name]):
                        want(used)

        for name in needed:
            want(name)
        moving = [
            f"{python_name(name)} = {source(self.formulas[name], python_name, shelf)}"
            for name in self._ordered(self.formulas)
            if name in wanted and name not in self.fixed_names
        ]
        head = [f"{python_name(name)} = k[{number}]" for number, name in enumerate(self.constants) if name in wanted]
        head += [
            f"{python_name(name)} = c[{number}]" for number, name in enumerate(self._fixed_order) if name in wanted
        ]
        for number, name in enumerate(self.states):
            if name in wanted:
                held = f"y[{number}]"
                if name in self.flows and not self.species[name].getHasOnlySubstanceUnits():
                    held += f" / {python_name(self.species[name].getCompartment())}"
                head.append(f"{python_name(name)} = {held}")
        return [*head, *moving]

    def _shelved(self, shelf: _Shelf) -> list[str]:
        first = len(self._fixed_order)
        return [f"{name} = c[{first + number}]" for number, name in enumerate(shelf.names.values())]

    def compiled(self) -> Compiled:
        """Write and load the functions."""
        shelf = _Shelf(self)
        rates, single = [], []
        needed: set[str] = set()
        for number, name in enumerate(self.states):
            if name in self.rates:
                rates.append(into(self.rates[name], python_name, shelf, f"d[{number}]"))
                single.append(f"d[{number}] = {source(self.rates[name], python_name, shelf)}")
                needed |= names_in(self.rates[name])
            else:
                rates.append(f"d[{number}] = {' '.join(self.flows[name])}")
                single.append(rates[-1])
                needed |= {term.rsplit(" * v_", 1)[1] for term in self.flows[name]}
                needed |= {part.getId() for part in self._parts() if part.getSpecies() == name and part.isSetId()}
        body = self._body(needed, shelf)
        rate = [*self._shelved(shelf), *body, *rates]
        functions = [
            ("fixed", "k, n", self._fixed_lines(shelf)),
            ("rate", "t, y, k, c, d", rate or ["pass"]),
            ("start", "k, given", self._start()),
        ]
        text = "\n\n".join(_function(*one) for one in functions)
        scope = _loaded(text)
        given = [np.float64(self.values[name]) for name in self.states]
        return Compiled(
            states=self.states,
            constants=self.constants,
            defaults=tuple(float(self.values[name]) for name in self.constants),
            fixed=scope["fixed"],
            rate=scope["rate"],
            reporter=self._reporter,
            start=lambda k: scope["start"](k, given),
            text=text,
            loop="\n".join([*self._shelved(shelf), *body, *single]),
        )

    def _fixed_lines(self, shelf: _Shelf) -> list[str]:
        lines = [f"{python_name(name)} = k[{number}]" for number, name in enumerate(self.constants)]
        lines += [f"{python_name(name)} = {source(self.formulas[name], python_name)}" for name in self._fixed_order]
        values = [*(python_name(name) for name in self._fixed_order), *shelf.names]
        return [*lines, f"return [{', '.join(values)}]"]

    def _reporter(self, symbols: tuple[str, ...]) -> Report:
        """Load a function that computes these symbols and nothing else.

        Raises:
            KeyError: a symbol is nothing in the model.
        """
        needed, values = set(), []
        for symbol in symbols:
            kind, _, inner = symbol.rpartition("(")
            name = inner.rstrip(")")
            if name not in self.values and name not in self.formulas:
                raise KeyError(f"{name!r} is nothing in the model")
            text = python_name(name)
            needed.add(name)
            if kind and name in self.species:
                size = self.species[name].getCompartment()
                whole = self.species[name].getHasOnlySubstanceUnits()
                if whole != (kind == "amount"):
                    needed.add(size)
                    text = f"{text} {'/' if whole else '*'} {python_name(size)}"
            values.append(text)
        body = self._body(needed, _Unshelved(self))
        text = _function("report", "t, y, k, c", [*body, f"return [{', '.join(values)}]"])
        found: Report = _loaded(text)["report"]
        return found

    def _start(self) -> list[str]:
        """Initial values: constants as given, initial assignments and assignment rules at time zero, states."""
        lines = ["t = 0.0", "k = list(k)"]
        lines += [f"{python_name(name)} = k[{number}]" for number, name in enumerate(self.constants)]
        lines += [f"{python_name(name)} = given[{number}]" for number, name in enumerate(self.states)]
        initial = {**self._amounts_in_computed_compartments(), **self.initial}
        formulas = {**self.assigned, **initial}
        used = {name for math in formulas.values() for name in names_in(math)}
        formulas |= {name: math for name, math in self.reactions.items() if name in used}
        for name in self._ordered(formulas):
            lines.append(f"{python_name(name)} = {source(formulas[name], python_name)}")
        for number, name in enumerate(self.constants):
            if name in initial:
                lines.append(f"k[{number}] = {python_name(name)}")
        states = []
        for name in self.states:
            held = python_name(name)
            if name in self.flows and not self.species[name].getHasOnlySubstanceUnits():
                held += f" * {python_name(self.species[name].getCompartment())}"
            states.append(held)
        lines.append(f"return [{', '.join(states)}], k")
        return lines

    def _amounts_in_computed_compartments(self) -> dict[str, Any]:
        """Formulas of concentrations that follow from an amount and a size that is only computed at the start."""
        import libsbml

        return {
            name: libsbml.parseL3Formula(f"{one.getInitialAmount()!r} / {one.getCompartment()}")
            for name, one in self.species.items()
            if one.getCompartment() in self.initial and one.isSetInitialAmount() and not one.getHasOnlySubstanceUnits()
        }


class _Unshelved(_Shelf):
    """For what is computed seldom: nothing is put aside."""

    def is_fixed(self, node: Any) -> bool:
        return False

    def full(self, text: str) -> str:
        return text


def _function(name: str, parameters: str, lines: list[str]) -> str:
    return "\n".join([f"def {name}({parameters}):", *(f"    {line}" for line in lines)])


def _loaded(text: str) -> dict[str, Any]:
    scope: dict[str, Any] = {"np": np, "gamma": _gamma}
    exec(compile(text, "<generated from SBML>", "exec"), scope)  # ids are checked, the text is our own
    return scope


def _gamma(value: Any) -> Any:
    from scipy.special import gamma

    return gamma(value)

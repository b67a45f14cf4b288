"""The fast path: NumPy generated from the same SBML, one array element per person.

The right-hand side of all persons is one NumPy function, integrated by classical Runge–Kutta with a fixed step.
Constructs outside compartments of constant size, species, reactions, parameters, rate rules, assignment rules, initial
assignments and function definitions are refused by name (`Unsupported`), never approximated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulation.engine.course import Array, Course, Trajectory
from simulation.engine.formula import source
from simulation.engine.roadrunner import SolveFailed
from simulation.engine.sbml import BadModel, Model, Unsupported, parse


@dataclass(frozen=True)
class Compiled:
    """An SBML model as NumPy.

    Attributes:
        states: ids that are integrated. Species that reactions change are held as amounts.
        constants: ids with a value that does not change; each may be set per person.
        rate: ``rate(t, y, k)`` with ``y`` of shape (states, persons) and ``k`` a list of floats or arrays of shape
            (persons,), one per constant, gives dy/dt of the shape of ``y``.
        report: ``report(t, y, k)`` gives the value of every symbol by id; species as ``id`` (as SBML's formulas see
            it) and as ``amount(id)`` and ``concentration(id)``.
        start: ``start(k)`` gives the initial ``y`` for one person or, with arrays in ``k``, for all.
    """

    states: tuple[str, ...]
    constants: tuple[str, ...]
    defaults: tuple[float, ...]
    rate: Callable[[float, Array, list[Any]], Array]
    report: Callable[[float, Array, list[Any]], dict[str, Any]]
    start: Callable[[list[Any]], list[Any]]
    text: str
    """The generated source, for people who want to read what is run."""


def compile_model(model: Model) -> Compiled:
    """Generate NumPy from an SBML model.

    Raises:
        Unsupported: the model uses a construct outside those named above; the message names it.
    """
    return _Generator(model).compiled()


class _Generator:
    """Collects symbols and equations of one model, in the order in which they must be evaluated."""

    def __init__(self, model: Model) -> None:
        self.model = _plain(model)
        self._refuse()
        self.species = {one.getId(): one for one in self.model.getListOfSpecies()}
        self.compartments = {one.getId(): one for one in self.model.getListOfCompartments()}
        self.rates = self._rules("isRate")
        self.assigned = self._rules("isAssignment")
        self.flows = self._flows()
        values = {**self._values(), **self._references()}
        self.initial = {
            one.getSymbol(): one.getMath() for one in self.model.getListOfInitialAssignments() if one.isSetMath()
        }
        self.states = tuple(sorted({*self.rates, *self.flows}))
        self.constants = tuple(sorted(set(values) - set(self.states) - set(self.assigned)))
        self.values = values
        self._check_names()

    def _check_names(self) -> None:
        """Every name that a formula uses must be something in the model."""
        reactions = [one.getKineticLaw().getMath() for one in self.model.getListOfReactions()]
        formulas = [*self.rates.values(), *self.assigned.values(), *self.initial.values(), *reactions]
        known = {*self.values, *self.assigned, *(one.getId() for one in self.model.getListOfReactions())}
        unknown = sorted({name for math in formulas for name in _used(math)} - known)
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
        references = {
            part.getId()
            for one in self.model.getListOfReactions()
            for part in [*one.getListOfReactants(), *one.getListOfProducts()]
            if part.isSetId()
        }
        if ruled & references:
            raise Unsupported("stoichiometries that change")

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
        found = {}
        for reaction in self.model.getListOfReactions():
            for part in [*reaction.getListOfReactants(), *reaction.getListOfProducts()]:
                if part.isSetId():
                    found[part.getId()] = part.getStoichiometry() if part.isSetStoichiometry() else 1.0
        return found

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
                    term = f"{sign} {_name(factor) if factor else repr(number)} * {_name(reaction.getId())}"
                    flows.setdefault(part.getSpecies(), []).append(term)
        return flows

    def _ordered(self, formulas: Mapping[str, Any]) -> list[str]:
        """Ids in an order in which every formula finds what it needs."""
        order: list[str] = []
        visiting: set[str] = set()

        def visit(name: str) -> None:
            if name in order or name not in formulas:
                return
            if name in visiting:
                raise Unsupported("assignments that depend on each other in a circle")
            visiting.add(name)
            for used in _used(formulas[name]):
                visit(used)
            order.append(name)

        for name in sorted(formulas):
            visit(name)
        return order

    def _symbols(self) -> list[str]:
        """Statements that unpack states and constants and evaluate assignments and reactions."""
        lines = [f"{_name(name)} = k[{number}]" for number, name in enumerate(self.constants)]
        for number, name in enumerate(self.states):
            held = f"y[{number}]"
            if name in self.flows and not self.species[name].getHasOnlySubstanceUnits():
                held += f" / {_name(self.species[name].getCompartment())}"
            lines.append(f"{_name(name)} = {held}")
        reactions = {one.getId(): one.getKineticLaw().getMath() for one in self.model.getListOfReactions()}
        formulas = {**self.assigned, **reactions}
        lines += [f"{_name(name)} = {source(formulas[name], _name)}" for name in self._ordered(formulas)]
        return lines

    def compiled(self) -> Compiled:
        """Write and load the three functions."""
        body = self._symbols()
        rate = [*body, "d = np.empty_like(y)"]
        for number, name in enumerate(self.states):
            if name in self.rates:
                rate.append(f"d[{number}] = {source(self.rates[name], _name)}")
            else:
                rate.append(f"d[{number}] = {' '.join(self.flows[name])}")
        rate.append("return d")
        report = [*body, "found = {}"]
        for name in sorted({*self.values, *self.assigned, *(one.getId() for one in self.model.getListOfReactions())}):
            report.append(f"found[{name!r}] = {_name(name)}")
            if name in self.species:
                size = _name(self.species[name].getCompartment())
                whole = self.species[name].getHasOnlySubstanceUnits()
                report.append(f"found['amount({name})'] = {_name(name)}" + ("" if whole else f" * {size}"))
                report.append(f"found['concentration({name})'] = {_name(name)}" + (f" / {size}" if whole else ""))
        report.append("return found")
        text = "\n\n".join(
            _function(name, parameters, lines)
            for name, parameters, lines in (
                ("rate", "t, y, k", rate),
                ("report", "t, y, k", report),
                ("start", "k, given", self._start()),
            )
        )
        scope: dict[str, Any] = {"np": np, "gamma": _gamma}
        exec(compile(text, "<generated from SBML>", "exec"), scope)  # ids are checked, the text is our own
        given = [self.values[name] for name in self.states]
        return Compiled(
            states=self.states,
            constants=self.constants,
            defaults=tuple(float(self.values[name]) for name in self.constants),
            rate=scope["rate"],
            report=scope["report"],
            start=lambda k: scope["start"](k, given),
            text=text,
        )

    def _start(self) -> list[str]:
        """Initial values: constants as given, initial assignments and assignment rules at time zero, states."""
        lines = ["t = 0.0", "k = list(k)"]
        lines += [f"{_name(name)} = k[{number}]" for number, name in enumerate(self.constants)]
        lines += [f"{_name(name)} = given[{number}]" for number, name in enumerate(self.states)]
        reactions = {one.getId(): one.getKineticLaw().getMath() for one in self.model.getListOfReactions()}
        formulas = {**self.assigned, **self.initial}
        used = {name for math in formulas.values() for name in _used(math)}
        formulas |= {name: math for name, math in reactions.items() if name in used}
        for name in self._ordered(formulas):
            lines.append(f"{_name(name)} = {source(formulas[name], _name)}")
        for number, name in enumerate(self.constants):
            if name in self.initial:
                lines.append(f"k[{number}] = {_name(name)}")
        states = []
        for name in self.states:
            held = _name(name)
            if name in self.flows and not self.species[name].getHasOnlySubstanceUnits():
                held += f" * {_name(self.species[name].getCompartment())}"
            states.append(held)
        lines.append(f"return [{', '.join(states)}], k")
        return lines


def simulate(
    compiled: Compiled,
    course: Course,
    people: int = 1,
    changes: Mapping[str, Array | float] | None = None,
    *,
    substeps: int = 20,
) -> dict[str, Array]:
    """Integrate a model for many persons at once.

    Args:
        people: number of persons.
        changes: values of constants per person, shape (people,), or one value for all; also initial values of states.
        substeps: Runge–Kutta steps per output interval.

    Returns:
        variable → values of shape (steps + 1, people). A person whose solution leaves the finite numbers has NaN from
        there on.

    Raises:
        KeyError: a change or a variable names nothing in the model.
    """
    k: list[Any] = list(compiled.defaults)
    overrides: dict[int, Any] = {}
    for name, value in (changes or {}).items():
        if name in compiled.constants:
            k[compiled.constants.index(name)] = np.asarray(value, dtype=float)
        elif name in compiled.states:
            overrides[compiled.states.index(name)] = value
        else:
            raise KeyError(f"{name!r} is neither a constant nor a state of the model")
    with np.errstate(all="ignore"):
        initial, k = compiled.start(k)
        y = np.empty((len(compiled.states), people))
        for number, value in enumerate(initial):
            y[number] = overrides.get(number, value)
        return _integrate(compiled, course, y, k, substeps)


def _integrate(compiled: Compiled, course: Course, y: Array, k: list[Any], substeps: int) -> dict[str, Array]:
    rows: dict[str, list[Array]] = {name: [] for name in course.variables}
    rate = compiled.rate

    def keep(t: float) -> None:
        found = compiled.report(t, y, k)
        for name in course.variables:
            rows[name].append(
                np.broadcast_to(np.asarray(found[_symbol(name, course, found)], dtype=float), y.shape[1:])
            )

    times = course.times
    t = 0.0
    if course.start > 0:
        t, y = _advance(rate, t, course.start, y, k, substeps)
    keep(t)
    for following in times[1:]:
        t, y = _advance(rate, t, float(following), y, k, substeps)
        keep(t)
    return {name: np.array(values) for name, values in rows.items()}


def _advance(
    rate: Callable[[float, Array, list[Any]], Array], t: float, end: float, y: Array, k: list[Any], substeps: int
) -> tuple[float, Array]:
    """Classical fourth-order Runge–Kutta from ``t`` to ``end`` in equal steps."""
    h = (end - t) / substeps
    for number in range(substeps):
        at = t + number * h
        k1 = rate(at, y, k)
        k2 = rate(at + h / 2, y + h / 2 * k1, k)
        k3 = rate(at + h / 2, y + h / 2 * k2, k)
        k4 = rate(at + h, y + h * k3, k)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return end, y


def run_refined(model: Model, course: Course, *, most_substeps: int = 40_960) -> Trajectory:
    """Run one person, refining the step until halving it changes nothing within a tenth of the tolerance.

    Raises:
        Unsupported: a construct the generator refuses.
        SolveFailed: not converged within ``most_substeps`` per interval: too stiff for a fixed step.
    """
    compiled = compile_model(model)
    last: Array | None = None
    substeps = 20
    while substeps <= most_substeps:
        found = simulate(compiled, course, substeps=substeps)
        values = np.array([found[name][:, 0] for name in course.variables]).T
        if last is not None:
            allowed = 0.1 * (course.absolute + course.relative * np.abs(values))
            same = (values == last) | (np.isnan(values) & np.isnan(last))
            with np.errstate(invalid="ignore"):
                if np.all(same | (np.abs(values - last) <= allowed)):
                    return Trajectory(course.times, course.variables, values)
        last = values
        substeps *= 4
    raise SolveFailed(f"not converged with {most_substeps} steps per interval: too stiff for a fixed step")


_HARMLESS_PACKAGES = frozenset({"l3v2extendedmath", "layout", "render", "groups"})
"""Packages that change no equation, or whose functions `formula` knows."""


def _symbol(name: str, course: Course, found: Mapping[str, Any]) -> str:
    for wanted, names in (("amount", course.amounts), ("concentration", course.concentrations)):
        if name in names and f"{wanted}({name})" in found:
            return f"{wanted}({name})"
    return name


def _plain(model: Model) -> Any:
    """A copy of the model in Level 3 with functions expanded and local parameters promoted."""
    import libsbml

    document = parse(model.flat).document.clone()
    for number in range(document.getNumPlugins()):
        package = document.getPlugin(number).getPackageName()
        if package not in _HARMLESS_PACKAGES and document.getPackageRequired(package):
            raise Unsupported(f"the SBML package {package!r}")
    if document.getLevel() < 3 and not document.setLevelAndVersion(3, 1, False):
        raise Unsupported(f"Level {document.getLevel()} Version {document.getVersion()} with features Level 3 lacks")
    for option in ("expandFunctionDefinitions", "promoteLocalParameters"):
        properties = libsbml.ConversionProperties()
        properties.addOption(option, True)
        if document.convert(properties) != libsbml.LIBSBML_OPERATION_SUCCESS:
            raise Unsupported(f"{option} failed")
    # The clone owns the model: keep it alive as long as the model is used.
    found = document.getModel()
    found._document = document
    return found


def _used(math: Any) -> set[str]:
    import libsbml

    names = {math.getName()} if math.getType() == libsbml.AST_NAME else set()
    for number in range(math.getNumChildren()):
        names |= _used(math.getChild(number))
    return names


def _name(identifier: str) -> str:
    """A Python name for an SBML id (letters, digits, underscores by its grammar)."""
    if not identifier.isidentifier():
        raise Unsupported("an id that is no SBML id")
    return f"v_{identifier}"


def _function(name: str, parameters: str, lines: list[str]) -> str:
    return "\n".join([f"def {name}({parameters}):", *(f"    {line}" for line in lines)])


def _gamma(value: Any) -> Any:
    from scipy.special import gamma

    return gamma(value)

"""Networks of vessels without dimension: files of svZeroDSolver, as one differential-algebraic system.

A vessel has a resistance, an inductance, a capacitance and perhaps a stenosis; it ends in a junction, a valve, a flow,
a pressure, a resistance, a windkessel or a coronary bed (the elements of svZeroDSolver's guide; coronary: Kim 2010,
doi:10.1007/s10439-010-0083-6). Hearts (`heart`) close the circle. Without one the course begins in the steady state
under the mean of what is imposed, else from the conditions that the file gives. What is not known is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulation.engine import heart
from simulation.engine.course import Array
from simulation.engine.dae import Imposed, Law, NotDetermined, Solver, System
from simulation.engine.heart import HEART
from simulation.engine.sbml import Unsupported

ENDS = {"FLOW": "Q", "PRESSURE": "P"}
"""Conditions that impose a course, and the field that holds it."""
INTO_HEART = {"ClosedLoopRCR", "ClosedLoopCoronaryLeft", "ClosedLoopCoronaryRight"}
"""Conditions whose blood goes back to the heart."""
MOST_STEPS = 1_000_000
KINDS = {"flow_in": "Q in", "flow_out": "Q out", "pressure_in": "P in", "pressure_out": "P out"}


class BadNetwork(ValueError):
    """A file that is no network; the message says what is missing."""


@dataclass(frozen=True)
class Flows:
    """The last cycle, or all of them where the file asks for that.

    Attributes:
        times: s, since the first that is told.
        vessels: vessel, chamber or valve → ``flow_in``, ``flow_out``, ``pressure_in``, ``pressure_out``.
        inside: what else changes, as ``Vc ventricle`` (a volume) or ``P_LV CLH``.
    """

    times: Array
    vessels: dict[str, dict[str, Array]]
    inside: dict[str, Array]


def solve(text: str) -> Flows:
    """Solve a network over its cycles.

    Args:
        text: JSON with ``vessels``, ``junctions``, ``boundary_conditions`` and ``simulation_parameters``; perhaps
            ``valves``, ``chambers``, ``closed_loop_blocks``, ``initial_condition``.

    Raises:
        BadNetwork: not such a file, or the equations do not determine the flows.
        Unsupported: an element that is not known here.
    """
    try:
        content = json.loads(text)
        system, period = System(), _period(content)
        names = _elements(system, content, period)
        about = content["simulation_parameters"]
        points = int(about["number_of_time_pts_per_cardiac_cycle"])
        steps = (points - 1) * _cycles(content, period)
        start = {key: float(value) for key, value in (content.get("initial_condition") or {}).items()}
    except (BadNetwork, Unsupported):
        raise
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise BadNetwork(f"no network of vessels: {type(error).__name__} {error}") from None
    if points < 2 or not 0 < steps <= MOST_STEPS:
        raise BadNetwork(f"{steps} steps of {points} points a cycle; 1 to {MOST_STEPS:,} are possible")
    if system.rows != len(system.names):
        raise BadNetwork(
            f"{system.rows} equations for {len(system.names)} unknowns: an end is free, or has two conditions"
        )
    solver, h = Solver(system), period / (points - 1)
    try:
        if about.get("steady_initial", True) and not start:
            mean = np.mean([solver.imposed(t) for t in np.arange(points) * h], axis=0)
            first = solver.steady(mean)
        else:
            first = _given(system, start)
        found = solver.course(first, h, steps)[0 if about.get("output_all_cycles") else -points :]
    except NotDetermined as error:
        raise BadNetwork(f"the equations do not determine the flows: {error}") from None
    shown = {name: {kind: found[:, system.names[f"{place} {name}"]] for kind, place in KINDS.items()} for name in names}
    told = {f"{place} {name}" for name in names for place in KINDS.values()}
    inside = {name: found[:, column] for name, column in system.names.items() if name not in told}
    return Flows(np.asarray(np.arange(len(found)) * h, dtype=np.float64), shown, inside)


def _given(system: System, start: Mapping[str, float]) -> Array:
    """The state at the start: what is given, and nought. Names as ``Vc:ventricle`` and ``pressure:ventricle:valve``."""
    first = np.zeros(len(system.names))
    for key, value in start.items():
        what, _, rest = key.partition(":")
        before, _, behind = rest.partition(":")
        letter = {"pressure": "P", "flow": "Q"}.get(what)
        wanted = [f"{letter} out {before}", f"{letter} in {behind}"] if letter else [f"{what} {rest}"]
        for name in wanted:
            if name in system.names:
                first[system.names[name]] = value
    return first


def _period(content: Mapping[str, Any]) -> float:
    ends = [*content.get("boundary_conditions", ()), *content.get("external_solver_coupling_blocks", ())]
    courses = [of["t"] for one in ends for of in [one.get("bc_values") or one["values"]] if len(of.get("t", ())) > 2]
    stated = content["simulation_parameters"].get("cardiac_period")
    for one in content.get("closed_loop_blocks", ()):
        beat = one["cardiac_cycle_period"]
        if stated and abs(stated - beat) > 1e-9:
            raise BadNetwork(f"the heart beats in {beat:g} s, and cardiac_period says {stated:g}")
        stated = beat
    return float(stated or (courses[0][-1] if courses else 1.0))


def _cycles(content: Mapping[str, Any], period: float) -> int:
    """As many as the file says, or until windkessels have settled to the share that it asks for.

    A windkessel settles by ``exp(-t / (Rd C))``.
    """
    about, ends = content["simulation_parameters"], content.get("boundary_conditions", ())
    slowest = max(
        (one["bc_values"]["Rd"] * one["bc_values"]["C"] for one in ends if one["bc_type"] == "RCR"), default=0
    )
    if about.get("use_cycle_to_cycle_error") and slowest:
        return int(np.ceil(-slowest / period * np.log(about["sim_cycle_to_cycle_percent_error"] / 100)))
    return int(about["number_of_cardiac_cycles"])


def _course(values: Mapping[str, Any], name: str, period: float) -> Imposed:
    """What is imposed, repeated every period of its own."""
    if np.ndim(values[name]) == 0:
        fixed = float(values[name])
        return lambda _: fixed
    t, y = (np.asarray(values[key], dtype=float) for key in ("t", name))
    own = float(t[-1] - t[0]) or period
    return lambda now: float(np.interp(t[0] + now % own, t, y))


def _elements(system: System, content: Mapping[str, Any], period: float) -> list[str]:
    """Equations of everything; names of what blood passes."""
    ends = {one["bc_name"]: one for one in content.get("boundary_conditions", ())}
    names: dict[Any, str] = {}
    returned: list[str] = []
    for one in content.get("vessels", ()):
        name = one["vessel_name"]
        names |= {one["vessel_id"]: name, name: name}
        of = {key: float(value) for key, value in one["zero_d_element_values"].items() if _is_number(value)}
        _vessel(system, one["zero_d_element_type"], name, of)
        for side, end in (one.get("boundary_conditions") or {}).items():
            place, sign = (f"in {name}", -1) if side == "inlet" else (f"out {name}", 1)
            if ends[end]["bc_type"] in INTO_HEART:
                returned.append(end)
                _equal(system, place, f"in {end}")
                _returning(system, ends[end], content)
            else:
                _end(system, ends[end], place, sign, period)
    for one in content.get("chambers") or ():
        name = heart.chamber(system, one, period)
        names[name] = name
    for one in content.get("valves") or ():
        name = _valve(system, one, ends, period)
        names[name] = name
    _coupled(system, content, ends, returned, period)
    for one in content.get("closed_loop_blocks") or ():
        _heart(system, one, names, returned, period)
    _junctions(system, content, names)
    return list(dict.fromkeys(names.values()))


def _valve(system: System, one: Mapping[str, Any], ends: Mapping[str, Any], period: float) -> str:
    """A valve and what it lies between; its name."""
    name, of = heart.valve(system, one), one["params"]
    before, behind = of["upstream_block"], of["downstream_block"]
    if before in ends:
        _end(system, ends[before], f"in {name}", -1, period)
    else:
        _equal(system, f"out {before}", f"in {name}")
    if behind in ends:
        _end(system, ends[behind], f"out {name}", 1, period)
    else:
        _equal(system, f"out {name}", f"in {behind}")
    return name


def _heart(system: System, one: Mapping[str, Any], names: dict[Any, str], returned: list[str], period: float) -> None:
    """The heart with its lungs, between what comes back and the arteries."""
    if one["closed_loop_type"] != "ClosedLoopHeartAndPulmonary":
        raise Unsupported(f"closed loops of type {one['closed_loop_type']}")
    heart.heart_and_lungs(system, one["parameters"], period)
    arteries = [f"in {names[key]}" for key in one["outlet_blocks"] if key in names]
    names[HEART] = HEART
    _joined(system, [f"out {name}" for name in returned], [f"in {HEART}"])
    if arteries:
        _joined(system, [f"out {HEART}"], arteries)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _equal(system: System, before: str, behind: str) -> None:
    """One end goes on into the other."""
    for what in "PQ":
        system.equation({f"{what} {before}": 1, f"{what} {behind}": -1})


def _joined(system: System, before: list[str], behind: list[str]) -> None:
    """No flow is lost, and the pressure is one."""
    system.equation({**{f"Q {end}": 1 for end in before}, **{f"Q {end}": -1 for end in behind}})
    first, *others = [*before, *behind]
    for end in others:
        system.equation({f"P {first}": 1, f"P {end}": -1})


def _coupled(
    system: System, content: Mapping[str, Any], ends: Mapping[str, Any], returned: list[str], period: float
) -> None:
    """Flows or pressures that another solver would give: imposed at one end of a condition or of the heart."""
    for one in content.get("external_solver_coupling_blocks") or ():
        block, inlet = one["connected_block"], one["location"] == "inlet"
        if block in ends and ends[block]["bc_type"] in INTO_HEART:
            returned.append(block)
            _returning(system, ends[block], content)
        elif block == "ClosedLoopHeartAndPulmonary":
            block = HEART
        else:
            raise Unsupported(f"coupling to {block}")
        if one["type"] not in ENDS:
            raise Unsupported(f"coupling of type {one['type']}")
        end = {"bc_type": one["type"], "bc_values": one["values"]}
        _end(system, end, f"{'in' if inlet else 'out'} {block}", -1 if inlet else 1, period)


def _returning(system: System, end: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    """A windkessel or a coronary bed between an artery and the heart's veins."""
    name, kind, of = end["bc_name"], end["bc_type"], end["bc_values"]
    p_in, p_out, q_in, q_out = (f"{what} {name}" for what in ("P in", "P out", "Q in", "Q out"))
    if kind == "ClosedLoopRCR":
        inner = f"P_c {name}"
        system.equation({p_in: 1, inner: -1, q_in: -_number(of, "Rp")})
        system.equation({inner: 1, p_out: -1, q_out: -_number(of, "Rd")})
        system.equation({q_in: 1, q_out: -1}, {inner: -_number(of, "C")})
        return
    left = kind == "ClosedLoopCoronaryLeft"
    heart_of = content["closed_loop_blocks"][0]
    share = float(heart_of["parameters"]["iml" if left else "imr"])
    ventricle = f"P_{'LV' if left else 'RV'} {HEART}"
    artery, muscle = f"P arteries {name}", f"P muscle {name}"  # the latter over the pressure of the muscle
    ram = _number(of, "Ram")
    system.equation({p_in: 1, artery: -1, q_in: -_number(of, "Ra")})
    system.equation({q_in: 1, artery: -1 / ram, muscle: 1 / ram, ventricle: share / ram}, {artery: -_number(of, "Ca")})
    system.equation(
        {artery: 1 / ram, muscle: -1 / ram, ventricle: -share / ram, q_out: -1}, {muscle: -_number(of, "Cim")}
    )
    system.equation({muscle: 1, ventricle: share, p_out: -1, q_out: -_number(of, "Rv")})


def _vessel(system: System, kind: str, name: str, of: Mapping[str, float]) -> None:
    """The capacitance lies behind the resistance (``BloodVessel``) or before it (``BloodVesselCRL``)."""
    p_in, p_out, q_in, q_out = (f"{what} {name}" for what in ("P in", "P out", "Q in", "Q out"))
    if kind == "BloodVesselRC":  # lungs that hold pressure and no blood
        r = of["Rpd"]
        system.equation({q_in: 1, p_in: -1 / r, p_out: 1 / r}, {p_in: -of["Cp"]})
        system.equation({q_in: 1, q_out: -1})
        return
    if kind not in ("BloodVessel", "BloodVesselCRL"):
        raise Unsupported(f"vessels of type {kind}")
    r, inductance, c, stenosis = (of.get(key, 0.0) for key in ("R_poiseuille", "L", "C", "stenosis_coefficient"))
    flow = q_in if kind == "BloodVessel" else q_out
    row = system.equation({p_in: 1, p_out: -1, flow: -r}, {q_out: -inductance})
    if stenosis:
        system.law(row, [flow], _stenosis(stenosis))
    if kind == "BloodVesselCRL" or not c:
        system.equation({q_in: 1, q_out: -1}, {p_in: -c})
    else:  # the pressure on the capacitance is the inlet's less the fall over resistance and stenosis
        inner = f"P inner {name}"
        row = system.equation({p_in: 1, inner: -1, q_in: -r})
        if stenosis:
            system.law(row, [q_in], _stenosis(stenosis))
        system.equation({q_in: 1, q_out: -1}, {inner: -c})


def _stenosis(coefficient: float) -> Law:
    """A stenosis takes ``coefficient |q| q`` of the pressure."""

    def law(_: float, y: Array) -> tuple[float, Array]:
        size = coefficient * abs(float(y[0]))
        return -size * float(y[0]), np.array([-2 * size])

    return law


def _end(system: System, end: Mapping[str, Any], place: str, sign: int, period: float) -> None:
    """What holds at an inlet or outlet; ``sign`` is -1 where flow out of the network enters the vessel."""
    kind, of = end["bc_type"], end["bc_values"]
    p, q = f"P {place}", f"Q {place}"
    if kind in ENDS:
        system.equation({q if kind == "FLOW" else p: 1}, imposed=_course(of, ENDS[kind], period))
    elif kind == "RESISTANCE":
        system.equation({p: 1, q: -sign * _number(of, "R")}, imposed=_course(of, "Pd", period))
    elif kind == "RCR":
        inner, distal = f"P windkessel {place}", _number(of, "Pd")
        system.equation({p: 1, q: -sign * _number(of, "Rp"), inner: -1})
        rd = _number(of, "Rd")
        system.equation({q: sign, inner: -1 / rd}, {inner: -_number(of, "C")}, -distal / rd)
    elif kind == "CORONARY":
        artery, muscle = f"P arteries {place}", f"P muscle {place}"  # the latter over the pressure of the muscle
        ra1, ra2, rv = (_number(of, key) for key in ("Ra1", "Ra2", "Rv1"))
        squeeze, vein = _course(of, "Pim", period), _number(of, "P_v")
        system.equation({p: 1, q: -sign * ra1, artery: -1})
        system.equation(
            {q: sign, artery: -1 / ra2, muscle: 1 / ra2}, {artery: -_number(of, "Ca")}, lambda t: -squeeze(t) / ra2
        )
        system.equation(
            {artery: 1 / ra2, muscle: -1 / ra2 - 1 / rv},
            {muscle: -_number(of, "Cc")},
            lambda t: squeeze(t) / ra2 + (squeeze(t) - vein) / rv,
        )
    else:
        raise Unsupported(f"boundary conditions of type {kind}")


def _number(of: Mapping[str, Any], name: str) -> float:
    if np.ndim(of[name]):
        raise Unsupported(f"{name} that changes in time")
    return float(of[name])


def _junctions(system: System, content: Mapping[str, Any], names: Mapping[Any, str]) -> None:
    """No flow is lost, and pressures are equal but for what a junction's own outlets take."""
    for one in content.get("junctions", ()):
        inlets, outlets = (
            [names[key] for key in one.get(f"{side}_vessels") or one[f"{side}_blocks"]] for side in ("inlet", "outlet")
        )
        kind = one["junction_type"]
        if kind not in ("NORMAL_JUNCTION", "internal_junction", "BloodVesselJunction"):
            raise Unsupported(f"junctions of type {kind}")
        of = one.get("junction_values") or {}
        system.equation({**{f"Q out {name}": 1 for name in inlets}, **{f"Q in {name}": -1 for name in outlets}})
        first = f"P out {inlets[0]}"
        for name in inlets[1:]:
            system.equation({first: 1, f"P out {name}": -1})
        for number, name in enumerate(outlets):
            r, inductance, stenosis = (
                float(of[key][number]) if key in of else 0.0 for key in ("R_poiseuille", "L", "stenosis_coefficient")
            )
            flow = f"Q in {name}"
            row = system.equation({first: 1, f"P in {name}": -1, flow: -r}, {flow: -inductance})
            if stenosis:
                system.law(row, [flow], _stenosis(stenosis))

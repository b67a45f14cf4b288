"""Networks of vessels without dimension: files of svZeroDSolver, as one differential-algebraic system.

A vessel has a resistance, an inductance, a capacitance and perhaps a stenosis; it ends in a junction, a flow, a
pressure, a resistance, a windkessel or a coronary bed (the elements of svZeroDSolver's guide; coronary: Kim 2010,
doi:10.1007/s10439-010-0083-6). What holds is ``E y' + F y + S(y) = c(t)``; it is solved by second-order backward
differences with Newton's method, from the steady state under the mean of what is imposed. Valves, chambers and
closed loops are refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simulation.engine.course import Array
from simulation.engine.sbml import Unsupported

ENDS = {"FLOW": "Q", "PRESSURE": "P"}
"""Conditions that impose a course, and the field that holds it."""
MOST_STEPS = 1_000_000


class BadNetwork(ValueError):
    """A file that is no network; the message says what is missing."""


@dataclass
class _System:
    """Equations as they are collected: (row, unknown, factor), of ``y'`` and of ``y``; what is imposed; stenoses."""

    names: list[str] = field(default_factory=list)
    rates: list[tuple[int, int, float]] = field(default_factory=list)
    values: list[tuple[int, int, float]] = field(default_factory=list)
    imposed: list[tuple[int, Callable[[float], float]]] = field(default_factory=list)
    stenoses: list[tuple[int, int, float]] = field(default_factory=list)
    rows: int = 0

    def unknown(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def equation(
        self,
        values: Mapping[str, float],
        rates: Mapping[str, float] | None = None,
        imposed: Callable[[float], float] | float = 0.0,
    ) -> int:
        """One equation: factors of unknowns, factors of their rates, and what stands on the right."""
        row, self.rows = self.rows, self.rows + 1
        self.values += [(row, self.unknown(name), factor) for name, factor in values.items()]
        self.rates += [(row, self.unknown(name), factor) for name, factor in (rates or {}).items()]
        self.imposed.append((row, imposed if callable(imposed) else lambda _, fixed=imposed: fixed))  # type: ignore[misc]
        return row


@dataclass(frozen=True)
class Flows:
    """The last cycle: times (s), and vessel → ``flow_in``, ``flow_out``, ``pressure_in``, ``pressure_out``."""

    times: Array
    vessels: dict[str, dict[str, Array]]


def solve(text: str) -> Flows:
    """Solve a network over its cycles.

    Args:
        text: JSON with ``vessels``, ``junctions``, ``boundary_conditions`` and ``simulation_parameters``.

    Raises:
        BadNetwork: not such a file, or the equations do not determine the flows.
        Unsupported: a valve, chamber, closed loop or another element that is not known here.
    """
    try:
        content = json.loads(text)
        for key in ("valves", "chambers", "closed_loop_blocks", "external_solver_coupling_blocks"):
            if content.get(key):
                raise Unsupported(key.replace("_", " "))
        system, period = _System(), _period(content)
        names = _vessels(system, content, period)
        _junctions(system, content, names)
        about = content["simulation_parameters"]
        points = int(about["number_of_time_pts_per_cardiac_cycle"])
        steps = (points - 1) * int(about["number_of_cardiac_cycles"])
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise BadNetwork(f"no network of vessels: {type(error).__name__} {error}") from None
    if points < 2 or not 0 < steps <= MOST_STEPS:
        raise BadNetwork(f"{steps} steps of {points} points a cycle; 1 to {MOST_STEPS:,} are possible")
    if system.rows != len(system.names):
        raise BadNetwork(
            f"{system.rows} equations for {len(system.names)} unknowns: an end is free, or has two conditions"
        )
    found = _integrated(system, period, points, steps)
    kinds = {"flow_in": "Q in", "flow_out": "Q out", "pressure_in": "P in", "pressure_out": "P out"}
    return Flows(
        np.linspace(0, period, points),
        {
            name: {kind: found[:, system.unknown(f"{place} {name}")] for kind, place in kinds.items()}
            for name in names.values()
        },
    )


def _period(content: Mapping[str, Any]) -> float:
    courses = [
        one["bc_values"]["t"] for one in content["boundary_conditions"] if len(one["bc_values"].get("t", ())) > 2
    ]
    stated = content["simulation_parameters"].get("cardiac_period")
    return float(stated or (courses[0][-1] if courses else 1.0))


def _course(values: Mapping[str, Any], name: str, period: float) -> Callable[[float], float]:
    """What is imposed, repeated every period."""
    if np.ndim(values[name]) == 0:
        fixed = float(values[name])
        return lambda _: fixed
    t, y = (np.asarray(values[key], dtype=float) for key in ("t", name))
    return lambda now: float(np.interp(now % period if period else now, t, y))


def _vessels(system: _System, content: Mapping[str, Any], period: float) -> dict[Any, str]:
    """Equations of vessels and of their ends; vessel id and name → name."""
    ends = {one["bc_name"]: one for one in content["boundary_conditions"]}
    names: dict[Any, str] = {}
    for one in content["vessels"]:
        name = one["vessel_name"]
        names |= {one["vessel_id"]: name, name: name}
        of = {key: float(value) for key, value in one["zero_d_element_values"].items() if np.ndim(value) == 0}
        _vessel(system, one["zero_d_element_type"], name, of)
        for side, end in (one.get("boundary_conditions") or {}).items():
            _end(
                system, ends[end], f"{'in' if side == 'inlet' else 'out'} {name}", 1 if side == "outlet" else -1, period
            )
    return names


def _vessel(system: _System, kind: str, name: str, of: Mapping[str, float]) -> None:
    """The capacitance lies behind the resistance (``BloodVessel``) or before it (``BloodVesselCRL``)."""
    if kind not in ("BloodVessel", "BloodVesselCRL"):
        raise Unsupported(f"vessels of type {kind}")
    p_in, p_out, q_in, q_out = (f"{what} {name}" for what in ("P in", "P out", "Q in", "Q out"))
    r, inductance, c, stenosis = (of.get(key, 0.0) for key in ("R_poiseuille", "L", "C", "stenosis_coefficient"))
    flow = q_in if kind == "BloodVessel" else q_out
    row = system.equation({p_in: 1, p_out: -1, flow: -r}, {q_out: -inductance})
    if stenosis:
        system.stenoses.append((row, system.unknown(flow), stenosis))
    if kind == "BloodVesselCRL" or not c:
        system.equation({q_in: 1, q_out: -1}, {p_in: -c})
    else:  # the pressure on the capacitance is the inlet's less the fall over resistance and stenosis
        inner = f"P inner {name}"
        row = system.equation({p_in: 1, inner: -1, q_in: -r})
        if stenosis:
            system.stenoses.append((row, system.unknown(q_in), stenosis))
        system.equation({q_in: 1, q_out: -1}, {inner: -c})


def _end(system: _System, end: Mapping[str, Any], place: str, sign: int, period: float) -> None:
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


def _junctions(system: _System, content: Mapping[str, Any], names: Mapping[Any, str]) -> None:
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
                system.stenoses.append((row, system.unknown(flow), stenosis))


def _integrated(system: _System, period: float, points: int, steps: int) -> Array:
    """Unknowns over the last cycle, shape (points, unknowns)."""
    size = system.rows
    e, f = np.zeros((size, size)), np.zeros((size, size))
    for matrix, entries in ((e, system.rates), (f, system.values)):
        for row, column, factor in entries:
            matrix[row, column] += factor

    def imposed(t: float) -> Array:
        return np.array([course(t) for _, course in system.imposed])

    h = period / (points - 1)
    mean = np.mean([imposed(t) for t in np.arange(points) * h], axis=0)
    try:
        y = _newton(system.stenoses, f, mean, np.zeros(size))
        kept, before = [y], y
        for number in range(1, steps + 1):
            # backward differences: first order for the first step, then second
            weight, past = (1.0, y) if number == 1 else (1.5, 2 * y - 0.5 * before)
            right = imposed(number * h) + e @ past / h
            before, y = y, _newton(system.stenoses, f + weight / h * e, right, y)
            kept.append(y)
    except np.linalg.LinAlgError:
        raise BadNetwork("the equations do not determine the flows: an end is free, or pressure has no level") from None
    return np.array(kept[-points:])


def _newton(stenoses: Sequence[tuple[int, int, float]], matrix: Array, right: Array, y: Array) -> Array:
    """Solve ``matrix y + S(y) = right``; a stenosis takes ``s |q| q`` of the pressure."""
    if not stenoses:
        return np.asarray(np.linalg.solve(matrix, right))
    for _ in range(50):
        slope, error = matrix.copy(), matrix @ y - right
        for row, column, s in stenoses:
            error[row] -= s * abs(y[column]) * y[column]
            slope[row, column] -= 2 * s * abs(y[column])
        if not np.isfinite(error).all():
            break
        step = np.linalg.lstsq(slope, error, rcond=None)[0]
        y = y - step
        if np.abs(step).max() <= 1e-10 * max(1.0, float(np.abs(y).max())):
            return y
    raise BadNetwork("the flow through a stenosis does not converge")

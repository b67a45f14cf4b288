"""Chambers, valves and the heart with its lungs, as elements of a network without dimension.

Equations: chambers with an elastance and an inductance, Kerckhoffs 2007, doi:10.1007/s10439-006-9212-7; with a linear
elastance, Regazzoni 2022, doi:10.1016/j.jcp.2022.111083; valves, Pfaller 2019, doi:10.1002/cnm.3231; heart and lungs
in one with coronary beds, Sankaran 2012, doi:10.1007/s10439-012-0579-3, and Menon 2023, doi:10.1098/rsif.2023.0391.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from simulation.engine.course import Array
from simulation.engine.dae import System
from simulation.engine.sbml import Unsupported

HEART = "CLH"
"""Name of the heart with its lungs in conditions at the start and in results."""
Activation = Callable[[float], float]
"""Time (s) → 0 at rest to 1 in full contraction."""
_ELASTANCE = np.array((
    (0.283748803, 0.0), (0.031830626, -0.374299825), (-0.2094724, -0.01812777), (0.020520047, 0.073971113),
    (0.008316883, -0.047249597), (-0.04167766, 0.003212163), (0.000867323, 0.019441411), (-0.001675379, -0.005565534),
    (-0.011252277, 0.003401432), (-0.000414677, 0.008376795), (0.000253749, -7.188e-05), (-0.002584966, 0.001566861),
    (0.000584752, 0.003143555), (2.8502e-05, -2.4787e-05), (2.2961e-05, -7.476e-06), (1.8735e-05, -1.281e-06),
    (1.5573e-05, 1.781e-06), (1.3133e-05, 3.494e-06), (1.1199e-05, 4.507e-06), (9.634e-06, 5.117e-06),
    (8.343e-06, 5.481e-06), (7.265e-06, 5.687e-06), (6.354e-06, 5.789e-06), (5.575e-06, 5.821e-06),
    (4.903e-06, 5.805e-06),
))  # fmt: skip
"""Elastance of a ventricle over a beat as a Fourier series: factors of cosine and of minus sine (Menon 2023)."""


def _ventricle(t: float, period: float) -> float:
    angle = 2 * np.pi * np.arange(len(_ELASTANCE)) * (t % period) / period
    return float(_ELASTANCE[:, 0] @ np.cos(angle) - _ELASTANCE[:, 1] @ np.sin(angle))


def activation(of: Mapping[str, Any], period: float) -> Activation:
    """How a chamber contracts over a beat.

    Raises:
        Unsupported: a kind that is not known here.
    """
    kind = of["type"]
    if kind == "fourier":
        beat = np.array([_ventricle(t, period) for t in np.arange(10_000) * period / 10_000])
        low, span = float(beat.min()), float(np.ptp(beat))
        return lambda t: (_ventricle(t, period) - low) / span
    number = {key: float(value) for key, value in of.items() if key != "type"}
    if kind == "half_cosine":
        begin, length = number["t_active"], number["t_twitch"]

        def half(t: float) -> float:
            since = max(t % period - begin, 0.0)
            return 0.5 - 0.5 * float(np.cos(2 * np.pi * since / length)) if since <= length else 0.0

        return half
    if kind == "piecewise_cosine":
        rise, fall = number["contract_duration"], number["relax_duration"]

        def pieces(t: float) -> float:
            rising, falling = (t - number["contract_start"]) % period, (t - number["relax_start"]) % period
            if rising < rise:
                return 0.5 - 0.5 * float(np.cos(np.pi * rising / rise))
            return 0.5 + 0.5 * float(np.cos(np.pi * falling / fall)) if falling < fall else 0.0

        return pieces
    if kind == "two_hill":

        def hills(t: float) -> float:
            up, down = (t / number["tau_1"]) ** number["m1"], (t / number["tau_2"]) ** number["m2"]
            return float(up / (1 + up) / (1 + down))

        top = max(hills(t) for t in np.linspace(0, period, 10_000, endpoint=False))
        return lambda t: hills((t - number["t_shift"]) % period) / top
    if kind == "wrapping_cosine":
        return _atrium(number["Tsa"] * period, period / number["tpwave"], period)
    raise Unsupported(f"activation of type {kind}")


def _atrium(systole: float, wave: float, period: float) -> Activation:
    """A contraction that goes on over the end of the beat until the end of the P wave."""

    def found(t: float) -> float:
        since = (t % period - wave + systole) % period
        return 0.5 - 0.5 * float(np.cos(2 * np.pi * since / systole)) if since <= systole else 0.0

    return found


def chamber(system: System, one: Mapping[str, Any], period: float) -> str:
    """Equations of a chamber; its name.

    Raises:
        Unsupported: a kind that is not known here.
    """
    name, kind, of = one["name"], one["type"], one["values"]
    act = activation(one["activation_function"], period)
    p_in, p_out, q_in, q_out = (f"{what} {name}" for what in ("P in", "P out", "Q in", "Q out"))
    volume = f"Vc {name}"
    if kind == "LinearElastanceChamber":
        most, least, rest = (float(of[key]) for key in ("Emax", "Epass", "Vrest"))
        _elastic(system, p_in, volume, lambda t: (least + most * act(t), rest))
    elif kind == "ChamberElastanceInductor":
        most, least, slack, tight = (float(of[key]) for key in ("Emax", "Emin", "Vrd", "Vrs"))
        _elastic(
            system, p_in, volume, lambda t: (least + (most - least) * act(t), tight + (1 - act(t)) * (slack - tight))
        )
    elif kind == "ChamberElastanceInductorExponential":
        _atrial(system, p_in, volume, act, *(float(of[key]) for key in ("Emax", "Vaso", "Kxp", "Kxv")))
    else:
        raise Unsupported(f"chambers of type {kind}")
    system.equation({p_in: 1, p_out: -1}, {q_out: -float(of.get("Impedance", 0.0))})
    system.equation({q_in: 1, q_out: -1}, {volume: -1})
    return str(name)


def _elastic(system: System, pressure: str, volume: str, at: Callable[[float], tuple[float, float]]) -> None:
    """Pressure is elastance times volume over that of rest; both change with time."""

    def law(t: float, y: Array) -> tuple[float, Array]:
        elastance, rest = at(t)
        return elastance * (rest - y[0]), np.array([-elastance])

    system.law(system.equation({pressure: 1}), [volume], law)


def _atrial(
    system: System, pressure: str, volume: str, act: Activation, most: float, rest: float, stiff: float, steep: float
) -> None:
    """Linear in contraction, exponential at rest."""

    def law(t: float, y: Array) -> tuple[float, Array]:
        share, over = act(t), y[0] - rest
        passive = stiff * np.exp(min(steep * over, 100.0))
        value = share * most * over + (1 - share) * (passive - stiff)
        return -float(value), np.array([-(share * most + (1 - share) * passive * steep)])

    system.law(system.equation({pressure: 1}), [volume], law)


def valve(system: System, one: Mapping[str, Any]) -> str:
    """Equations of a valve between two elements; its name.

    Raises:
        Unsupported: a kind that is not known here.
    """
    name, kind, of = one["name"], one["type"], one["params"]
    open_, shut = float(of["Rmin"]), float(of["Rmax"])
    p_in, p_out, flow = (f"{what} {name}" for what in ("P in", "P out", "Q in"))

    def smooth(_: float, y: Array) -> tuple[float, Array]:
        bend = np.tanh(steep * (y[1] - y[0]))
        resistance = open_ + 0.5 * (shut - open_) * (1 + bend)
        by_pressure = -0.5 * (shut - open_) * steep * (1 - bend**2) * y[2]
        return -float(resistance * y[2]), np.array([-by_pressure, by_pressure, -resistance])

    def sharp(_: float, y: Array) -> tuple[float, Array]:
        resistance = open_ if y[1] < y[0] else shut
        return -resistance * float(y[2]), np.array([0.0, 0.0, -resistance])

    if kind == "ValveTanh":
        steep = float(of["Steepness"])
    elif kind != "PiecewiseValve":
        raise Unsupported(f"valves of type {kind}")
    row = system.equation({p_in: 1, p_out: -1})
    system.law(row, [p_in, p_out, flow], smooth if kind == "ValveTanh" else sharp)
    system.equation({flow: 1, f"Q out {name}": -1})
    return str(name)


def heart_and_lungs(system: System, of: Mapping[str, Any], period: float) -> None:
    """Four chambers, their valves and the lungs between the elements ``in CLH`` (veins) and ``out CLH`` (aorta).

    As published, the lungs hold pressure but no blood: what the right ventricle gives, the left atrium takes at once.
    """
    v = {key: float(value) for key, value in of.items() if not isinstance(value, str)}
    act = _atrium(v["Tsa"] * period, period / v["tpwave"], period)

    def inner(name: str) -> str:
        return f"{name} {HEART}"

    for side, pressure in (("ra", f"P in {HEART}"), ("la", inner("P_LA"))):
        about = (v[f"{key}_{side}"] for key in ("Emax", "Vaso", "Kxp", "Kxv"))
        _atrial(system, pressure, inner(f"V_{side.upper()}"), act, *about)
    for side in ("rv", "lv"):
        most, rest = v[f"E{side}_s"], v[f"V{side}_u"]
        _elastic(
            system,
            inner(f"P_{side.upper()}"),
            inner(f"V_{side.upper()}"),
            lambda t, most=most, rest=rest: (most * _ventricle(t, period), rest),  # type: ignore[misc]
        )
    for side, before, behind, resistance, inductance in (
        ("RA", f"P in {HEART}", inner("P_RV"), "Rra_v", "Lra_v"),
        ("RV", inner("P_RV"), inner("P_pul"), "Rrv_a", "Lrv_a"),
        ("LA", inner("P_LA"), inner("P_LV"), "Rla_v", "Lla_v"),
        ("LV", inner("P_LV"), f"P out {HEART}", "Rlv_ao", "Llv_a"),
    ):
        flow = inner(f"Q_{side}")
        system.equation({before: 1, behind: -1, flow: -v[resistance]}, {flow: -v[inductance]})
        system.valve(flow, before, behind)
    for side, into in (("RA", f"Q in {HEART}"), ("RV", inner("Q_RA")), ("LA", inner("Q_RV")), ("LV", inner("Q_LA"))):
        system.equation({into: 1, inner(f"Q_{side}"): -1}, {inner(f"V_{side}"): -1})
    lungs, r = inner("P_pul"), v["Rpd"]
    system.equation({inner("Q_RV"): 1, lungs: -1 / r, inner("P_LA"): 1 / r}, {lungs: -v["Cp"]})
    system.equation({inner("Q_LV"): 1, f"Q out {HEART}": -1}, {f"P out {HEART}": -v["Cpa"]})

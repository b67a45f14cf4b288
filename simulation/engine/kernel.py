"""The fast path compiled: the generated equations as one machine-code loop over persons (numba, where installed).

The steps are those of `vectorised`; only who runs them differs. Persons are taken in small groups whose states and
constants stay in a core's first cache, and the loop over a group is branch-free, so that it runs on vector registers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from simulation.engine.course import Array

if TYPE_CHECKING:
    from simulation.engine.generate import Compiled

GROUP = 16
"""Persons per group: about 100 values of each fit well into 32 KiB."""
ENOUGH = 2e7
"""Person-steps from which compiling (seconds) costs less than it saves."""
_SLOT = re.compile(r"\b([kcyd])\[(\d+)\]")

Advance = Callable[[Array, Array, float, float, int], None]
"""(y, constants, start, step, count): integrates ``y`` of shape (states, persons) in place."""


def is_installed() -> bool:
    """Whether numba is there."""
    from importlib.util import find_spec

    return find_spec("numba") is not None


def constants(compiled: Compiled, k: Sequence[Any], c: Sequence[Any], people: int) -> Array:
    """What the loop reads besides states, one row each, shape (rows, people)."""
    values = {"k": k, "c": c}
    rows = [np.broadcast_to(values[kind][number], (people,)) for kind, number in _slots(compiled.loop)]
    return np.array(rows, dtype=float).reshape(len(rows), people)


def advance(compiled: Compiled) -> Advance | None:
    """The compiled integrator of a model, or None if its formulas hold something numba does not translate."""
    from numba.core.errors import NumbaError

    try:
        return _built(compiled.loop, len(compiled.states))
    except NumbaError:
        return None


@cache
def _slots(loop: str) -> tuple[tuple[str, int], ...]:
    """Constants and put-aside values that the loop reads, in a fixed order."""
    found = {(kind, int(number)) for kind, number in _SLOT.findall(loop) if kind in "kc"}
    return tuple(sorted(found))


@cache
def _built(loop: str, states: int) -> Advance:
    import numba as nb

    text = _text(loop, states)
    scope: dict[str, Any] = {"np": _functions(), "nb": nb, "empty": np.empty}
    exec(compile(text, "<generated from SBML>", "exec"), scope)  # the text is our own
    # Contraction and reassociation change the last digit; nothing here may assume that values are finite.
    options: Any = {"fastmath": {"contract", "reassoc", "arcp", "nsz"}, "error_model": "numpy"}
    signature = "void(float64[:, ::1], float64[:, ::1], float64, float64, int64)"
    found: Advance = nb.njit(signature, **options)(scope["advance"])
    return found


def _text(loop: str, states: int) -> str:
    """Classical Runge–Kutta of fourth order over a work array ``w``: states, stage, sum of slopes, constants."""
    slots = _slots(loop)
    y, stage, total, first = 0, states * GROUP, 2 * states * GROUP, 3 * states * GROUP
    row = {slot: first + number * GROUP for number, slot in enumerate(slots)}

    def place(match: re.Match[str]) -> str:
        kind, number = match[1], int(match[2])
        if kind == "d":
            return f"d_{number}"
        return f"w[i + {stage + number * GROUP if kind == 'y' else row[kind, number]}]"

    equations = [_SLOT.sub(place, line) for line in loop.splitlines()]
    stores = [
        line
        for n in range(states)
        for line in (
            f"w[i + {total + n * GROUP}] += weight * d_{n}",
            f"w[i + {stage + n * GROUP}] = w[i + {y + n * GROUP}] + share * d_{n}",
        )
    ]
    size = first + len(slots) * GROUP
    lines = [
        "def advance(ys, ks, start, h, count):",
        "    people = ys.shape[1]",
        f"    w = empty({size})",
        f"    for begin in range(0, people, {GROUP}):",
        f"        n = min({GROUP}, people - begin)",
        f"        for i in range({GROUP}):",
        "            who = begin + min(i, n - 1)",  # the last group repeats its last person
        f"            for s in range({states}):",
        f"                w[s * {GROUP} + i] = ys[s, who]",
        f"            for s in range({len(slots)}):",
        f"                w[{first} + s * {GROUP} + i] = ks[s, who]",
        "        for number in range(count):",
        f"            for j in range({states * GROUP}):",
        f"                w[j + {stage}] = w[j + {y}]",
        f"                w[j + {total}] = 0.0",
        "            for part in range(4):",
        "                t = start + (number + (0.5 if part else 0.0) + (0.5 if part == 3 else 0.0)) * h",
        "                weight = h / 3.0 if part == 1 or part == 2 else h / 6.0",
        "                share = h if part == 2 else 0.5 * h",
        f"                for i in range({GROUP}):",
        *(f"                    {line}" for line in [*equations, *stores]),
        f"            for j in range({states * GROUP}):",
        f"                w[j + {y}] += w[j + {total}]",
        f"        for s in range({states}):",
        "            for i in range(n):",
        f"                ys[s, begin + i] = w[s * {GROUP} + i]",
    ]
    return "\n".join(lines)


@cache
def _functions() -> ModuleType:
    """NumPy's functions for one number each, under the names that generated formulas use."""
    import numba as nb

    found = ModuleType("formulas")
    found.__dict__.update({name: getattr(np, name) for name in dir(np) if not name.startswith("_")})
    whole: Any = {"fastmath": {"contract", "nsz"}, "error_model": "numpy", "inline": "never"}
    taylor = tuple(1.0 / math.factorial(n) for n in range(13, -1, -1))

    @nb.njit(**whole)
    def tanh(x: float) -> float:
        """Within 3e-15; exp(-2|x|) as the 64th power of a Taylor polynomial, without a branch or a call."""
        r = min(abs(x), 20.0) * (-2.0 / 64.0)
        p = 0.0
        for coefficient in taylor:
            p = p * r + coefficient
        p *= p
        p *= p
        p *= p
        p *= p
        p *= p
        p *= p
        size = (1.0 - p) / (1.0 + p)
        return size if x >= 0 else (-size if x < 0 else x)

    @nb.njit(**whole)
    def maximum(a: float, b: float) -> float:
        return b if (b > a or np.isnan(b)) else a

    @nb.njit(**whole)
    def minimum(a: float, b: float) -> float:
        return b if (b < a or np.isnan(b)) else a

    @nb.njit(**whole)
    def where(condition: bool, a: float, b: float) -> float:
        return a if condition else b

    @nb.njit(**whole)
    def true_divide(a: float, b: float) -> float:
        return a / b

    found.__dict__.update(
        {"tanh": tanh, "maximum": maximum, "minimum": minimum, "where": where, "true_divide": true_divide}
    )
    return found

"""All equations by name."""

from __future__ import annotations

from ml.equations import diabetes, prevent
from ml.equations.base import Equation

EQUATIONS: dict[str, Equation] = {one.name: one for one in (*prevent.EQUATIONS, *diabetes.EQUATIONS)}


def get(name: str) -> Equation:
    """Return an equation by name.

    Raises:
        KeyError: no such equation; the message lists them.
    """
    if name not in EQUATIONS:
        raise KeyError(f"no equation {name!r}; there are: {', '.join(sorted(EQUATIONS))}")
    return EQUATIONS[name]

"""All equations by name."""

from __future__ import annotations

from ml.equations import (
    bedside,
    breast,
    cardiovascular,
    charlson,
    dementia,
    diabetes,
    kidney,
    lung,
    prevent,
    qrisk3,
    score2,
)
from ml.equations.base import Equation

_MODULES = (prevent, cardiovascular, score2, qrisk3, diabetes, kidney, dementia, lung, breast, bedside, charlson)

EQUATIONS: dict[str, Equation] = {one.name: one for module in _MODULES for one in module.EQUATIONS}


def get(name: str) -> Equation:
    """Return an equation by name.

    Raises:
        KeyError: no such equation; the message lists them.
    """
    if name not in EQUATIONS:
        raise KeyError(f"no equation {name!r}; there are: {', '.join(sorted(EQUATIONS))}")
    return EQUATIONS[name]

"""Meals as interventions in the meal models."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from simulation.engine.course import Array
from simulation.engine.intervention import Intervention, Now

MOST_CARBOHYDRATE = 500.0
"""g: more in one meal is a wrong unit."""


def meals(eaten: Iterable[tuple[float, Array | float]]) -> list[Intervention]:
    """Meals that reach the stomach at once, for `meal_glucose`.

    The stomach empties relative to the amount ``D`` it holds when a meal arrives: what was left plus the meal.

    Args:
        eaten: (minute, grams of carbohydrate); grams may be an array with one element per person.

    Raises:
        ValueError: grams are negative, not a number, or more than a meal can hold.
    """
    return [_meal(minute, np.asarray(grams, dtype=float)) for minute, grams in eaten]


def _meal(minute: float, grams: Array) -> Intervention:
    if not ((grams >= 0) & (grams <= MOST_CARBOHYDRATE)).all():
        raise ValueError(f"a meal has 0 to {MOST_CARBOHYDRATE:g} g of carbohydrate; at minute {minute:g} it does not")
    mg = grams * 1000.0

    def reference(now: Now) -> Array | float:
        return np.maximum(now("Q_sto1") + now("Q_sto2") + now.share(mg), 1.0)

    return Intervention(minute, {"D": reference, "Q_sto1": lambda now: now("Q_sto1") + now.share(mg)})

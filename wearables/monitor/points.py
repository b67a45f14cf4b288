"""The total of an early warning score for one moment, without a database: what the monitor asks at every reading."""

from __future__ import annotations

from functools import cache

from wearables.early_warning import Bands, load


def total(name: str, values: dict[str, float]) -> tuple[int, int]:
    """Lowest and highest possible total of a score's numbers; whatever is missing is at its best, and at its worst.

    Words (oxygen, consciousness) are nothing that devices measure: they are missing. A test holds this to
    ``wearables.early_warning.evaluate``.
    """
    lowest = highest = 0
    for parameter, digits, bands, best, worst in _table(name):
        value = values.get(parameter)
        if value is None or not bands:
            lowest, highest = lowest + best, highest + worst
        else:
            points = _points(bands, round(value, digits))
            lowest, highest = lowest + points, highest + points
    return lowest, highest


def _points(bands: Bands, value: float) -> int:
    return next(points for top, points in bands if top is None or value <= top)


@cache
def _table(name: str) -> tuple[tuple[str, int, Bands, int, int], ...]:
    return tuple(
        (one, parameter.digits, parameter.bands, min(parameter.points), max(parameter.points))
        for one, parameter in load(name).parameters.items()
    )

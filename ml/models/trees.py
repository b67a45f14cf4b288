"""Small trees of a LightGBM booster, walked here column by column for many rows and every interval at once.

For trees of a few leaves LightGBM spends its time on copying rows whole: all 300 features of each, once per interval,
for trees that ask for three of them. Larger trees are better walked by LightGBM itself (``forest`` then says None).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_MOST_SPLITS = 2_000
"""Splits of all trees together above which LightGBM is faster."""
_BLOCK = 8_192
"""Rows walked at a time, so that a column stays in the processor's cache."""


@dataclass(frozen=True)
class Split:
    """Left where ``feature`` is at most ``threshold``, or unknown if ``unknown_left``. A leaf is its value."""

    feature: int
    threshold: float
    unknown_left: bool
    left: Split | float
    right: Split | float


Tree = Split | float


@dataclass(frozen=True)
class Forest:
    """Trees with the interval taken out: each tree with the intervals in which it stands as it is."""

    trees: tuple[tuple[Tree, tuple[int, ...]], ...]
    intervals: int

    def margins(self, values: Floats) -> Floats:
        """Return the sum of the trees (n, intervals) of rows (n, p)."""
        found = np.zeros((len(values), self.intervals))
        everywhere = tuple(range(self.intervals))
        for first in range(0, len(values), _BLOCK):
            rows = slice(first, first + _BLOCK)
            columns = values[rows].T
            if not values.flags.f_contiguous:
                columns = np.ascontiguousarray(columns)
            always = np.zeros(columns.shape[1])
            timed = np.zeros((self.intervals, columns.shape[1]))
            for tree, where in self.trees:
                added = _walked(tree, columns)
                if where == everywhere:
                    always += added
                else:
                    for interval in where:
                        timed[interval] += added
            found[rows] = (timed + always).T
        return found


def forest(booster: Any, interval: int, intervals: int) -> Forest | None:
    """Return the trees of a booster, or None if they are too many or split on categories.

    Args:
        interval: the position of the interval among the features; ``intervals``: how many there are.
    """
    try:
        trees = grown(booster, most_splits=_MOST_SPLITS)
    except (Categorical, _TooMany):
        return None
    found: list[tuple[Tree, tuple[int, ...]]] = []
    for tree in trees:
        asked = sorted(set(_thresholds(tree, interval)))
        alike: dict[int, list[int]] = defaultdict(list)
        for number in range(intervals):
            alike[int(np.searchsorted(asked, number, side="left"))].append(number)
        found += [(at(tree, interval, where[0]), tuple(where)) for where in alike.values()]
    return Forest(tuple(found), intervals)


class Categorical(ValueError):
    """A tree splits on categories."""


class _TooMany(ValueError):
    """More splits than were asked for."""


def grown(booster: Any, most_splits: int | None = None) -> list[Tree]:
    """Return the trees of a booster.

    Raises:
        Categorical: one of them splits on categories.
    """
    dumped: list[dict[str, Any]] = booster.dump_model()["tree_info"]
    if most_splits is not None and sum(one["num_leaves"] - 1 for one in dumped) > most_splits:
        raise _TooMany
    if any(one["num_cat"] for one in dumped):
        raise Categorical
    return [_tree(one["tree_structure"]) for one in dumped]


def _tree(node: dict[str, Any]) -> Tree:
    if "leaf_value" in node:
        return float(node["leaf_value"])
    threshold = float(node["threshold"])
    # where training saw no unknown value, LightGBM takes one for 0
    unknown_left = bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0
    left, right = _tree(node["left_child"]), _tree(node["right_child"])
    return Split(int(node["split_feature"]), threshold, unknown_left, left, right)


def _thresholds(tree: Tree, feature: int) -> Iterator[float]:
    if isinstance(tree, Split):
        if tree.feature == feature:
            yield tree.threshold
        yield from _thresholds(tree.left, feature)
        yield from _thresholds(tree.right, feature)


def at(tree: Tree, feature: int, value: float) -> Tree:
    """Return the tree with the branches of one feature taken."""
    if not isinstance(tree, Split):
        return tree
    if tree.feature == feature:
        return at(tree.left if value <= tree.threshold else tree.right, feature, value)
    left, right = at(tree.left, feature, value), at(tree.right, feature, value)
    return Split(tree.feature, tree.threshold, tree.unknown_left, left, right)


def _walked(tree: Tree, columns: Floats) -> Floats | float:
    """Return the tree's value of each row; ``columns`` (p, n). A comparison with an unknown value is false."""
    if not isinstance(tree, Split):
        return tree
    value = columns[tree.feature]
    is_left = ~(value > tree.threshold) if tree.unknown_left else value <= tree.threshold
    return np.where(is_left, _walked(tree.left, columns), _walked(tree.right, columns))

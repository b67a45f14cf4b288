"""Small trees of a LightGBM booster, looked up here column by column for many rows and every interval at once.

For trees of a few leaves LightGBM spends its time on copying rows whole: all 300 features of each, once per interval,
for trees that ask for three of them. Here trees that ask at most eight questions together become one table: a row's
answers are the bits of its place in it, without a branch that the processor could guess wrongly. Larger trees are
better walked by LightGBM itself (``forest`` then says None).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_MOST_SPLITS = 2_000
"""Splits of all trees together above which LightGBM is faster."""
_BLOCK = 8_192
"""Rows looked up at a time, so that a column stays in the processor's cache."""
_MOST_QUESTIONS = 8
"""Of one table: their answers are the bits of a byte."""


@dataclass(frozen=True)
class Split:
    """Left where ``feature`` is at most ``threshold``, or unknown if ``unknown_left``. A leaf is its value."""

    feature: int
    threshold: float
    unknown_left: bool
    left: Split | float
    right: Split | float


Tree = Split | float


Question = tuple[int, float, bool]
"""What a split asks: feature, threshold, and whether unknown counts as yes. Yes is left."""


@dataclass(frozen=True)
class Table:
    """The sum of some trees for every answer to their questions; the answer to the first is the highest bit."""

    questions: tuple[Question, ...]
    values: Floats

    def at(self, columns: Floats) -> Floats:
        """Return the value of each row; ``columns`` (p, n)."""
        place = np.zeros(columns.shape[1], np.uint8)
        for feature, threshold, unknown in self.questions:
            place += place
            place += _is_yes(columns[feature], threshold, unknown).view(np.uint8)
        return self.values.take(place.astype(np.intp), mode="clip")


@dataclass(frozen=True)
class Forest:
    """Trees with the interval taken out: tables with the intervals in which they stand as they are."""

    tables: tuple[tuple[Table, tuple[int, ...]], ...]
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
            for table, where in self.tables:
                added = table.at(columns)
                if where == everywhere:
                    always += added
                else:
                    for interval in where:
                        timed[interval] += added
            found[rows] = (timed + always).T
        return found


def forest(booster: Any, interval: int, intervals: int) -> Forest | None:
    """Return the trees of a booster, or None if they are too many, too deep or split on categories.

    Args:
        interval: the position of the interval among the features; ``intervals``: how many there are.
    """
    pieces: dict[tuple[int, ...], list[Tree]] = defaultdict(list)
    try:
        for tree in grown(booster, most_splits=_MOST_SPLITS):
            asked = sorted({threshold for feature, threshold, _ in _questions(tree) if feature == interval})
            alike: dict[int, list[int]] = defaultdict(list)
            for number in range(intervals):
                alike[int(np.searchsorted(asked, number, side="left"))].append(number)
            for where in alike.values():
                pieces[tuple(where)] += _pieces(at(tree, interval, where[0]), _MOST_QUESTIONS)
    except (Categorical, _TooMany):
        return None
    return Forest(tuple((table, where) for where, trees in pieces.items() for table in _tables(trees)), intervals)


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


def _questions(tree: Tree) -> frozenset[Question]:
    if not isinstance(tree, Split):
        return frozenset()
    return _questions(tree.left) | _questions(tree.right) | {_question(tree)}


def _question(split: Split) -> Question:
    return split.feature, split.threshold, split.unknown_left


def at(tree: Tree, feature: int, value: float) -> Tree:
    """Return the tree with the branches of one feature taken."""
    if not isinstance(tree, Split):
        return tree
    if tree.feature == feature:
        return at(tree.left if value <= tree.threshold else tree.right, feature, value)
    left, right = at(tree.left, feature, value), at(tree.right, feature, value)
    return Split(tree.feature, tree.threshold, tree.unknown_left, left, right)


def _pieces(tree: Tree, most: int) -> list[Tree]:
    """Return trees of at most ``most`` questions each, whose sum is the tree: one side of a split each, else 0."""
    if len(_questions(tree)) <= most:
        return [tree]
    if not most or not isinstance(tree, Split):
        raise _TooMany
    lefts = (replace(tree, left=one, right=0.0) for one in _pieces(tree.left, most - 1))
    rights = (replace(tree, left=0.0, right=one) for one in _pieces(tree.right, most - 1))
    return [*lefts, *rights]


def _tables(trees: list[Tree]) -> list[Table]:
    """Put together what fits into one table, first what shares most of its questions."""
    groups: list[tuple[set[Question], list[Tree]]] = []
    for tree in trees:
        asked = _questions(tree)
        fitting = [group for group in groups if len(group[0] | asked) <= _MOST_QUESTIONS]
        if not fitting:
            groups.append((set(asked), [tree]))
            continue
        questions, members = min(fitting, key=lambda group: len(asked - group[0]))
        questions |= asked
        members.append(tree)
    return [_table(tuple(sorted(questions)), members) for questions, members in groups]


def _table(questions: tuple[Question, ...], trees: list[Tree]) -> Table:
    places = np.arange(2 ** len(questions))
    answers = {one: places >> (len(questions) - 1 - bit) & 1 == 1 for bit, one in enumerate(questions)}

    def walked(tree: Tree) -> Floats | float:
        if not isinstance(tree, Split):
            return tree
        return np.where(answers[_question(tree)], walked(tree.left), walked(tree.right))

    return Table(questions, np.zeros(len(places)) + sum(map(walked, trees)))


def _is_yes(values: Floats, threshold: float, unknown: bool) -> NDArray[np.bool_]:
    """A comparison with an unknown value is false."""
    return ~(values > threshold) if unknown else values <= threshold

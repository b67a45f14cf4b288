"""A model as one SQL query: for auditors to read, and for "what if" inside the warehouse without Python.

Cox and LightGBM without an offset become DuckDB SQL with the booster's own risk to 1e-12. A model with an equation
inside is refused, because its equation is not SQL. NULL is unknown, as NaN is in Python.
"""

from __future__ import annotations

import numpy as np

from lake.sql import identifier
from ml.models import trees
from ml.models.bundle import Bundle, ModelUnusable
from ml.models.discrete import NEVER
from ml.models.fitted import Fitted
from ml.models.trees import Split, Tree

_CAUSES = ("event", "competing")


def query(bundle: Bundle, source: str, keys: tuple[str, ...] = ("person_id",)) -> str:
    """Return the query: the keys, ``risk`` and ``risk_competing`` of each row of ``source``.

    Args:
        bundle: the model; its recalibration is in the query, its interval is not.
        source: a table or a parenthesised query with a column per feature.
        keys: columns handed through.

    Raises:
        ModelUnusable: the model holds a clinical equation.
    """
    fitted = bundle.fitted
    if fitted.spec.kind not in ("cox", "lightgbm") or fitted.spec.offset:
        raise ModelUnusable(
            f"{fitted.spec.name} of {bundle.task} holds a clinical equation, which is not SQL; choose a version made"
            " by Cox or by LightGBM without an offset"
        )
    width = len(fitted.cuts) - 1
    margins = _cox(fitted, width) if fitted.spec.kind == "cox" else _trees(fitted, width)
    selected = list(map(identifier, keys))
    columns, chances = list(selected), list(selected)
    for k in range(width):
        for cause, name in enumerate(_CAUSES):
            a, b = bundle.calibrator[cause]
            never, margin = _number(NEVER), f"({margins[k][cause]})"
            moved = f"{_number(a)} + {_number(b)} * {margin}"
            columns.append(f"case when {margin} <= {never} then {never} else {moved} end as {name}_{k}")
        event, other = f"exp(event_{k})", f"exp(competing_{k})"
        chances.append(f"{event} / (1 + {event} + {other}) as p_{k}")
        chances.append(f"{other} / (1 + {event} + {other}) as q_{k}")
    risk, dying, alive = [], [], "1"
    for k in range(width):
        risk.append(f"{alive} * p_{k}")
        dying.append(f"{alive} * q_{k}")
        alive = f"{alive} * (1 - p_{k} - q_{k})"
    indent = ",\n            "
    return f"""
    with
        margin as (
            select
            {indent.join(columns)}
            from {source}
        ),
        chance as (
            select
            {indent.join(chances)}
            from margin
        )
    select {", ".join(selected)}, {" + ".join(risk)} as risk, {" + ".join(dying)} as risk_competing
    from chance
    """


def _trees(fitted: Fitted, width: int) -> list[tuple[str, str]]:
    base = fitted.params["base"]
    starts = [_number(base["event"]), *_death(fitted, base["competing"], width)]
    try:
        grown = {name: trees.grown(booster) for name, booster in fitted.boosters.items()}
    except trees.Categorical:
        raise ModelUnusable(
            "a tree splits on categories, which the query cannot say; train again without them"
        ) from None
    found = []
    for k in range(width):
        parts = [starts[0], starts[1 + k]]
        for cause, name in enumerate(_CAUSES):
            if name in grown:
                fixed = (trees.at(one, len(fitted.columns), k) for one in grown[name])
                parts[cause] += f" + ({' + '.join(_tree(one, fitted) for one in fixed)})"
        found.append((parts[0], parts[1]))
    return found


def _tree(tree: Tree, fitted: Fitted) -> str:
    """One tree whose branches of the interval are taken."""
    if not isinstance(tree, Split):
        return _number(tree)
    left, right = _tree(tree.left, fitted), _tree(tree.right, fitted)
    column = identifier(fitted.columns[tree.feature].name)
    return (
        f"case when {column} is null then {left if tree.unknown_left else right}"
        f" when {column} <= {_number(tree.threshold)} then {left} else {right} end"
    )


def _cox(fitted: Fitted, width: int) -> list[tuple[str, str]]:
    params = fitted.params
    keys = ("numbers", "low", "high", "centre", "scale", "beta")
    terms = []
    for number, low, high, centre, scale, beta in zip(*(params[key] for key in keys), strict=True):
        column = identifier(fitted.columns[number].name)
        within = f"least(greatest({column}, {_number(low)}), {_number(high)})"
        standard = f"({within} - {_number(centre)}) / {_number(scale)}"
        terms.append(f"case when {column} is null then 0 else {standard} end * {_number(beta)}")
    relative = f"exp(greatest(least({' + '.join(terms) or '0'}, 20), -20))"
    dying = _death(fitted, params["competing"], width)
    return [
        (
            f"greatest(ln(greatest(exp(least({relative} * {_number(hazard)}, 300)) - 1, 1e-300)), {_number(NEVER)})",
            dying[k],
        )
        for k, hazard in enumerate(params["hazard"])
    ]


def _death(fitted: Fitted, coefficients: list[float], width: int) -> list[str]:
    intercept, slope, trend = coefficients
    has_age = "age_years" in {one.name for one in fitted.columns}
    decades = 'coalesce(("age_years" - 60) / 10, 0)' if has_age else "0"
    return [
        f"{_number(intercept)} + {_number(slope)} * {decades} + {_number(trend * (k - (width - 1) / 2))}"
        for k in range(width)
    ]


def _number(value: float) -> str:
    """A literal that is read back as the same double, whatever its sign."""
    if not np.isfinite(value):
        raise ModelUnusable("the model holds a number that is not finite; train again")
    return f"({float(value)!r})::double"

"""Warfarin: the pharmacogenetic dose of the International Warfarin Pharmacogenetics Consortium.

IWPC 2009, N Engl J Med 360:753 (doi:10.1056/NEJMoa0809329), supplementary appendix S1e.
"""

from __future__ import annotations

VKORC1 = {"GG": 0.0, "AG": -0.8677, "AA": -1.6974, "unknown": -0.4854}
"""Coefficient by genotype at rs9923231 (-1639 G>A)."""
CYP2C9 = {
    "*1/*1": 0.0,
    "*1/*2": -0.5211,
    "*1/*3": -0.9357,
    "*2/*2": -1.0616,
    "*2/*3": -1.9206,
    "*3/*3": -2.3312,
    "unknown": -0.2188,
}
RACE = {"white": 0.0, "asian": -0.1092, "black": -0.2760, "unknown": -0.1032}
"""``unknown`` also stands for mixed, as in the paper."""


class ImpossibleInput(ValueError):
    """A value that no person has; the message says which and what was expected."""


def weekly_dose(
    age: float,
    height: float,
    weight: float,
    vkorc1: str = "unknown",
    cyp2c9: str = "unknown",
    race: str = "unknown",
    *,
    inducer: bool = False,
    amiodarone: bool = False,
) -> float:
    """Warfarin in mg per week for an INR of 2 to 3.

    Args:
        age: years; counts in whole decades.
        height: cm.
        weight: kg.
        vkorc1: a key of `VKORC1`.
        cyp2c9: a key of `CYP2C9`; alleles other than \\*1, \\*2, \\*3 are unknown to the equation.
        race: a key of `RACE`.
        inducer: carbamazepine, phenytoin, rifampicin.

    Raises:
        ImpossibleInput: a value outside what people are, or a genotype the equation does not know.
    """
    for name, value, low, high in (("age", age, 18, 110), ("height", height, 120, 230), ("weight", weight, 30, 250)):
        if not low <= value <= high:
            raise ImpossibleInput(f"{name} {value:g} is outside {low} to {high}")
    for name, key, known in (("VKORC1", vkorc1, VKORC1), ("CYP2C9", cyp2c9, CYP2C9), ("race", race, RACE)):
        if key not in known:
            raise ImpossibleInput(f"{name} {key!r} is not in the equation; it knows {', '.join(known)}")
    root = (
        5.6044
        - 0.2614 * (age // 10)
        + 0.0087 * height
        + 0.0128 * weight
        + VKORC1[vkorc1]
        + CYP2C9[cyp2c9]
        + RACE[race]
        + 1.1816 * inducer
        - 0.5503 * amiodarone
    )
    return float(max(root, 0.0) ** 2)

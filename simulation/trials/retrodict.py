"""Published trials predicted again from the difference in LDL or systolic pressure alone: hits and misses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lake.files import read_yaml

UNIT = {"ldl": 1.0, "sbp": 10.0}
"""mmol/L and mmHg that a slope is for."""


@dataclass(frozen=True)
class Retrodiction:
    """One published trial.

    Attributes:
        role: calibration if the slope contains the trial, else external.
        is_verified: whether both of its figures were read in the publication; others are from memory.
    """

    trial: str
    year: int
    outcome: str
    predicted: float
    observed: float
    lower: float
    upper: float
    role: str
    inside: bool
    is_verified: bool
    source: str


def relative_risk(axis: str, difference: float, per_unit: float) -> float:
    """Relative risk of a lasting difference: the slope to the power of the difference in its units."""
    return float(per_unit ** (difference / UNIT[axis]))


@cache
def retrodictions() -> tuple[Retrodiction, ...]:
    """All published trials of the table, in its order. Nothing is tuned: the misses stay."""
    rows = read_yaml(Path(__file__).parent / "published.yaml")
    found = []
    for row in rows:
        predicted = relative_risk(row["axis"], row["difference"], row["per_unit"])
        observed, lower, upper = row["hr"]
        role = "calibration" if row["in_slope"] else "external"
        inside = lower <= predicted <= upper
        read = set(row.get("read", ()))
        doi = f", doi:{row['doi']}" if "doi" in row else ""
        told = f"read: {', '.join(sorted(read))}" if read else "from memory"
        found.append(
            Retrodiction(
                row["trial"],
                row["year"],
                row["outcome"],
                predicted,
                observed,
                lower,
                upper,
                role,
                inside,
                read == {"hr", "difference"},
                f"trial's publication{doi} ({told})",
            )
        )
    return tuple(found)

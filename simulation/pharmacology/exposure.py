"""Exposure to a drug: how genotype, kidney function and other drugs change its area under the curve.

The mechanistic static model: every route of elimination keeps a share of its activity, and the area under the curve is
one over the sum of what is left. For an inhibitor that share is one minus the inhibition seen in people; for an
inducer ``1 + Emax I / (EC50 + I)``. (Rowland and Matin 1973, doi:10.1007/BF01059791; Fahmi 2009,
doi:10.1124/dmd.108.026252.) Gut and liver stand together in oral clearance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lake.files import read_yaml

NORMAL_GFR = 100.0
"""mL/min/1.73 m2 at which the renal share counts as whole."""
ACTIVITY = {
    "Poor Metabolizer": 0.0,
    "Intermediate Metabolizer": 0.5,
    "Normal Metabolizer": 1.0,
    "Rapid Metabolizer": 1.25,
    "Ultrarapid Metabolizer": 1.5,
    "Poor Function": 0.0,
    "Decreased Function": 0.5,
    "Normal Function": 1.0,
    "Increased Function": 1.0,
}
"""Activity score of the CPIC phenotype relative to two working copies (three copies: 1.5). Nothing is taken off for a
transporter of increased function."""
SHORT = {"PM": "Poor", "IM": "Intermediate", "NM": "Normal", "EM": "Normal", "RM": "Rapid", "UM": "Ultrarapid"}


class UnknownDrug(KeyError):
    """A drug, enzyme or phenotype that the table does not have; the message lists what it has."""


@dataclass(frozen=True)
class Exposure:
    """AUC of a drug relative to a person with normal enzymes, normal kidneys and no other drug.

    Attributes:
        ratio: of the drug itself.
        metabolite_ratio: of the metabolite that acts, where there is one.
        metabolite_auc: its AUC in ``metabolite_unit`` for the dose, where the source gives one.
        unverified: sources that were not read again.
    """

    drug: str
    ratio: float
    metabolite: str | None
    metabolite_ratio: float | None
    metabolite_auc: float | None
    metabolite_unit: str
    reasons: tuple[str, ...]
    unverified: tuple[str, ...]


@cache
def drugs() -> dict[str, dict[str, Any]]:
    """The table of drugs."""
    found: dict[str, dict[str, Any]] = read_yaml(Path(__file__).parent / "drugs.yaml")
    return found


def genes() -> list[str]:
    """Genes whose phenotypes change some drug's exposure."""
    found: set[str] = set()
    for about in drugs().values():
        metabolite = about.get("metabolite", {})
        found |= {*about.get("eliminated_by", {}), *metabolite.get("eliminated_by", {})}
        found |= {metabolite["formed_by"]} if metabolite.get("formed_by") else set()
    return sorted(found - {"renal"})


def phenotype(text: str) -> str:
    """The CPIC name of a phenotype, from the name or, of an enzyme, its usual letters (PM, IM, NM, EM, RM, UM)."""
    name = f"{SHORT[text.upper()]} Metabolizer" if text.upper() in SHORT else text
    if name not in ACTIVITY:
        raise UnknownDrug(f"no phenotype {text!r}; there are {', '.join([*SHORT, *ACTIVITY])}")
    return name


def exposure(
    drug: str,
    genotype: Mapping[str, str] | None = None,
    others: Iterable[str] = (),
    *,
    gfr: float | None = None,
    dose: float | None = None,
) -> Exposure:
    """AUC ratio of a drug in a person.

    Args:
        genotype: gene → phenotype, as ``{"CYP2D6": "PM"}``.
        others: drugs taken at the same time.
        gfr: mL/min/1.73 m2.
        dose: mg, for the metabolite's AUC.

    Raises:
        UnknownDrug: the table does not have a drug or phenotype.
        ValueError: an impossible dose or filtration rate.
    """
    if dose is not None and not 0 <= dose <= 10_000:
        raise ValueError(f"a dose of {dose:g} mg is impossible")
    if gfr is not None and not 0 <= gfr <= 250:
        raise ValueError(f"a filtration rate of {gfr:g} mL/min/1.73 m2 is impossible")
    about = _about(drug)
    activity, reasons, used = _activities(genotype or {}, others, gfr)
    shares: dict[str, float] = about.get("eliminated_by", {})
    left = _left(shares, activity)
    metabolite = about.get("metabolite")
    ratio_of_metabolite = auc = None
    acting = set(shares)
    if metabolite:
        other = metabolite["other_share"]
        formed = other + (1 - other) * activity.get(metabolite["formed_by"], 1.0)
        shares_of_metabolite = metabolite.get("eliminated_by", {})
        ratio_of_metabolite = formed / left / _left(shares_of_metabolite, activity)
        acting = {*acting, metabolite["formed_by"], *shares_of_metabolite}
        if dose is not None and metabolite["auc_per_mg"]:
            auc = dose * metabolite["auc_per_mg"] * ratio_of_metabolite
    sources = {one: _about(one) for one in (drug, *used)}
    return Exposure(
        drug,
        1 / left if left > 0 else float("inf"),
        metabolite["name"] if metabolite else None,
        ratio_of_metabolite,
        auc,
        metabolite["unit"] if metabolite else "",
        tuple(reason for enzyme, reason in reasons if enzyme in acting),
        tuple(f"{one}: {about['source']}" for one, about in sources.items() if about["checked"] != "source"),
    )


def _left(shares: Mapping[str, float], activity: Mapping[str, float]) -> float:
    """Clearance that is left, as a share of the usual."""
    return 1 - sum(shares.values()) + sum(share * activity.get(route, 1.0) for route, share in shares.items())


def _activities(
    genotype: Mapping[str, str], others: Iterable[str], gfr: float | None
) -> tuple[dict[str, float], list[tuple[str, str]], list[str]]:
    """Activity left per route, why, and which other drugs had a say."""
    activity: dict[str, float] = {}
    reasons: list[tuple[str, str]] = []
    used = []
    for gene, text in genotype.items():
        name = phenotype(text)
        activity[gene] = ACTIVITY[name]
        reasons.append((gene, f"{gene} {name}"))
    if gfr is not None:
        activity["renal"] = gfr / NORMAL_GFR
        reasons.append(("renal", f"filtration rate {gfr:g}"))
    for other in others:
        about = _about(other)
        used.append(other)
        for enzyme, share in about.get("inhibits", {}).items():
            activity[enzyme] = activity.get(enzyme, 1.0) * (1 - share)
            reasons.append((enzyme, f"{other} inhibits {enzyme}"))
        for enzyme, more in about.get("induces", {}).items():
            activity[enzyme] = activity.get(enzyme, 1.0) * (1 + more)
            reasons.append((enzyme, f"{other} induces {enzyme}"))
    return activity, reasons, used


def _about(drug: str) -> dict[str, Any]:
    try:
        return drugs()[drug]
    except KeyError:
        raise UnknownDrug(f"no drug {drug!r}; the table has {', '.join(sorted(drugs()))}") from None

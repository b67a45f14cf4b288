"""Comparing treatments for people: hard exclusions first, then expected benefit and harm in the same units, and ranks.

Benefit and harm are major vascular events per 1,000 such people over ten years. Options are ranked by expected net
benefit; a dominated option (no more benefit, no less harm) can therefore never stand above the one that dominates it,
and an option that is added changes nobody's place. The draws of an effect are the same for all options that have it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from simulation.engine.course import Array
from simulation.pharmacology.exposure import drugs as exposures
from simulation.pharmacology.exposure import exposure
from simulation.treatment import layers

DRAWS = 1_000
LARGEST_INTERACTION = 5.0
"""AUC ratio beyond which two drugs are not combined."""
Z95 = 1.959964


class Person(BaseModel):
    """What is known of a person; absent is not zero.

    Attributes:
        risk_10y: risk of a major vascular event within ten years under current care, 0 to 1.
        sbp: systolic pressure, mmHg. ldl: mmol/L. gfr: mL/min/1.73 m2.
        phenotypes: gene → CPIC phenotype.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    person_id: str
    risk_10y: float | None = Field(default=None, ge=0, le=1)
    sbp: float | None = Field(default=None, ge=60, le=280)
    ldl: float | None = Field(default=None, ge=0.1, le=20)
    gfr: float | None = Field(default=None, ge=0, le=250)
    conditions: tuple[str, ...] = ()
    medications: tuple[str, ...] = ()
    phenotypes: dict[str, str] = Field(default_factory=dict)


class Dose(BaseModel):
    """A drug with its daily dose in mg."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    drug: str
    mg: float


class Option(BaseModel):
    """A treatment: drugs, weight loss, both, or nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    drugs: tuple[Dose, ...] = ()
    weight_loss_kg: float = Field(default=0.0, ge=0, le=80)


@dataclass(frozen=True)
class Ranked:
    """One option for one person.

    Attributes:
        status: ``ranked``, ``excluded`` (a hard rule forbids it) or ``unknown`` (an input is missing).
        rank: from 1; none if not ranked.
        benefit, harm, net: expected events per 1,000 over ten years; net with its p05 and p95.
        p_best: share of draws in which the option has the largest net benefit.
        on_front: nothing has more benefit without more harm.
    """

    person_id: str
    option: str
    status: str
    rank: int | None
    benefit: float | None
    harm: float | None
    net: float | None
    net_p05: float | None
    net_p95: float | None
    p_best: float | None
    on_front: bool
    reasons: tuple[str, ...] = field(default=())


def compare(people: Sequence[Person], options: Sequence[Option], *, draws: int = DRAWS, seed: int = 1) -> list[Ranked]:
    """Rank options for every person.

    Raises:
        layers.ImpossibleDose: an option has a drug or dose that the table does not know.
        ValueError: two options have the same name.
    """
    if len({one.name for one in options}) != len(options):
        raise ValueError("two options have the same name")
    for one in options:
        for dose in one.drugs:
            layers.check_dose(dose.drug, dose.mg)
    benefit, harm = _effects(people, options, draws, seed)
    found: list[Ranked] = []
    for number, person in enumerate(people):
        found += _ranked(person, options, benefit[number], harm)
    return found


def exclusions(person: Person, option: Option) -> list[str]:
    """Why an option must not be given to a person; empty if nothing forbids it."""
    reasons = []
    for dose in option.drugs:
        if dose.mg == 0:
            continue
        about = layers.drug(dose.drug)
        reasons += [
            f"{dose.drug}: contraindicated by {one}" for one in about.get("conditions", ()) if one in person.conditions
        ]
        limit = about.get("gfr_below")
        if limit is not None and person.gfr is not None and person.gfr < limit:
            reasons.append(f"{dose.drug}: filtration rate {person.gfr:g} below {limit:g} mL/min/1.73 m2")
        avoid = about.get("avoid", {})
        for gene, forbidden in avoid.items():
            if gene != "source" and person.phenotypes.get(gene) in forbidden:
                reasons.append(f"{dose.drug}: avoid in a {gene} {person.phenotypes[gene]} ({avoid['source']})")
        reasons += _interactions(dose.drug, [*person.medications, *(one.drug for one in option.drugs if one != dose)])
    return reasons


def _interactions(drug: str, others: Sequence[str]) -> list[str]:
    if drug not in exposures():
        return []
    known = [one for one in others if one in exposures()]
    ratio = exposure(drug, others=known).ratio
    if ratio <= LARGEST_INTERACTION:
        return []
    return [f"{drug}: exposure {ratio:.1f} times the usual with {', '.join(known)}"]


def _effects(people: Sequence[Person], options: Sequence[Option], draws: int, seed: int) -> tuple[Array, Array]:
    """Draws of benefit, shape (people, options, draws), and of harm, shape (options, draws)."""
    table = layers.effects()
    rr_ldl, rr_sbp = (_relative_risk(table["risk"][name]["rr"], name, draws, seed) for name in ("ldl", "sbp"))
    sbp = np.array([np.nan if one.sbp is None else one.sbp for one in people])
    ldl = np.array([np.nan if one.ldl is None else one.ldl for one in people])
    risk = np.array([np.nan if one.risk_10y is None else one.risk_10y for one in people])
    benefit = np.empty((len(people), len(options), draws))
    harm = np.zeros((len(options), draws))
    for number, option in enumerate(options):
        fall = sum((layers.pressure_fall(one.drug, one.mg, sbp) for one in option.drugs), np.zeros(len(people)))
        kept = np.prod([1 - layers.ldl_share(one.drug, one.mg) for one in option.drugs])
        fall = fall + option.weight_loss_kg * table["lifestyle"]["sbp_per_kg"]
        lower = ldl * (1 - kept) + option.weight_loss_kg * table["lifestyle"]["ldl_per_kg"]
        # What an option does not touch need not be known of the person.
        fall, lower = (
            np.where(np.isnan(one) & _idle(option, what), 0.0, one) for one, what in ((fall, "sbp"), (lower, "ldl"))
        )
        left = rr_ldl[None, :] ** lower[:, None] * rr_sbp[None, :] ** (fall[:, None] / 10)
        benefit[:, number] = 1000 * risk[:, None] * (1 - left)
        for one in option.drugs:
            if one.mg > 0:
                serious = layers.drug(one.drug).get("harm", 0.0)
                felt = 1000 * layers.symptoms(one.drug, one.mg) * table["symptom_weight"]
                harm[number] += (serious + felt) * np.exp(0.4 * _normal(f"harm {one.drug}", draws, seed) - 0.08)
    return benefit, harm


def _idle(option: Option, what: str) -> bool:
    """Whether an option leaves pressure or LDL alone."""
    key = "class" if what == "sbp" else "ldl"
    return not option.weight_loss_kg and not any(one.mg > 0 and key in layers.drug(one.drug) for one in option.drugs)


def _relative_risk(interval: Sequence[float], name: str, draws: int, seed: int) -> Array:
    middle, low, high = np.log(interval)
    found: Array = np.exp(middle + (high - low) / (2 * Z95) * _normal(f"risk {name}", draws, seed))
    return found


def _normal(name: str, draws: int, seed: int) -> Array:
    """The same draws for the same effect, whatever else is compared."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())]).standard_normal(draws)


def _ranked(person: Person, options: Sequence[Option], benefit: Array, harm: Array) -> list[Ranked]:
    reasons = [exclusions(person, one) for one in options]
    net = benefit - harm
    known = [not np.isnan(row).any() for row in net]
    open_to = [n for n in range(len(options)) if known[n] and not reasons[n]]
    mean_benefit, mean_harm = benefit.mean(axis=1), harm.mean(axis=1)
    order = sorted(open_to, key=lambda n: (-(mean_benefit[n] - mean_harm[n]), mean_harm[n], options[n].name))
    place = {n: rank for rank, n in enumerate(order, 1)}
    best = np.bincount(np.argmax(net[open_to], axis=0), minlength=len(open_to)) if open_to else np.zeros(0)
    p_best = {n: float(best[i]) / net.shape[1] for i, n in enumerate(open_to)}
    found = []
    for n, option in enumerate(options):
        if n not in place:
            why = tuple(reasons[n]) or (_missing(person, option),)
            status = "excluded" if reasons[n] else "unknown"
            found.append(Ranked(person.person_id, option.name, status, *(None,) * 7, on_front=False, reasons=why))
            continue
        low, high = np.quantile(net[n], (0.05, 0.95))
        on_front = not any(_dominates(mean_benefit, mean_harm, m, n) for m in open_to)
        found.append(
            Ranked(
                person.person_id,
                option.name,
                "ranked",
                place[n],
                benefit=float(mean_benefit[n]),
                harm=float(mean_harm[n]),
                net=float(mean_benefit[n] - mean_harm[n]),
                net_p05=float(low),
                net_p95=float(high),
                p_best=p_best[n],
                on_front=on_front,
            )
        )
    return sorted(found, key=lambda one: (one.rank is None, one.rank or 0, one.option))


def _dominates(benefit: Array, harm: Array, m: int, n: int) -> bool:
    better = benefit[m] > benefit[n] or harm[m] < harm[n]
    return bool(m != n and benefit[m] >= benefit[n] and harm[m] <= harm[n] and better)


def _missing(person: Person, option: Option) -> str:
    wanted = {"risk_10y": person.risk_10y}
    if not _idle(option, "sbp"):
        wanted["sbp"] = person.sbp
    if not _idle(option, "ldl"):
        wanted["ldl"] = person.ldl
    return f"not known: {', '.join(name for name, value in wanted.items() if value is None)}"


def as_rows(found: Sequence[Ranked]) -> list[dict[str, Any]]:
    """Plain rows, one per person and option."""
    return [{**vars(one), "reasons": list(one.reasons)} for one in found]

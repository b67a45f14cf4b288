"""The named-allele matcher: from a sample's genotypes at a gene's sites to the diplotypes that explain them.

Unphased heterozygous sites are enumerated, phased ones stay together, missing positions are taken out of the
definitions and told. Of all pairs of named alleles that explain the genotypes, those with the highest score are the
answer, all of them: an allele scores the positions it names, the default allele all positions (PharmCAT's rule,
Sangkuhl 2020, doi:10.1002/cpt.1568).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from genomics.builds import GRCH38
from genomics.pgx.definitions import IUPAC, Allele, Definition

MAX_PHASE_GROUPS = 14
"""More independent heterozygous groups than this (8192 pairs of haplotypes) are not enumerated."""

OTHER = "other"
"""A base that the site's definition does not know."""


@dataclass(frozen=True)
class SiteCall:
    """A complete genotype at a site: two alleles as spelled in the definition, and the phase group if phased."""

    first: str
    second: str
    phase: str | None = None


@dataclass(frozen=True)
class Diplotype:
    """What the matcher found.

    Attributes:
        best: diplotypes with the highest score, in star order; more than one when the genotypes cannot tell them apart.
        status: called, partial (positions missing), ambiguous (several diplotypes), no_call or not_assessed.
        missing: rs numbers of the gene's positions without a complete genotype.
        activity_score, phenotype: what all of ``best`` agree on, else None and ``Indeterminate``.
    """

    best: tuple[str, ...]
    status: str
    missing: tuple[str, ...]
    activity_score: float | None
    phenotype: str | None
    reason: str | None


def match(definition: Definition, calls: Mapping[str, SiteCall]) -> Diplotype:
    """Find the diplotype of one gene.

    Args:
        definition: the gene.
        calls: genotype by rs number; sites that are not in it were not assessed.
    """
    missing = tuple(site.rsid for site in definition.sites if site.rsid not in calls)
    if len(missing) == len(definition.sites):
        return Diplotype((), "not_assessed", missing, None, None, "no position of the gene is assessed")
    if any(OTHER in (call.first, call.second) for call in calls.values()):
        return Diplotype((), "no_call", missing, None, None, "an allele that the definition does not know")
    if definition.mode == "lowest_activity":
        pairs = _lowest_activity(definition, calls)
    else:
        groups = _phase_groups(calls)
        if len(groups) > MAX_PHASE_GROUPS:
            return Diplotype((), "no_call", missing, None, None, "too many unphased heterozygous positions")
        pairs = _best_pairs(definition, calls, groups)
    if not pairs:
        return Diplotype((), "no_call", missing, None, None, "no pair of named alleles explains the genotypes")
    names = tuple(f"{first.name}/{second.name}" for first, second in pairs)
    status = "ambiguous" if len(pairs) > 1 else "partial" if missing else "called"
    scores = {activity_score(pair) for pair in pairs}
    phenotypes = {phenotype(definition, pair) for pair in pairs}
    return Diplotype(
        names,
        status,
        missing,
        scores.pop() if len(scores) == 1 else None,
        phenotypes.pop() if len(phenotypes) == 1 else "Indeterminate",
        "several diplotypes fit equally well" if len(pairs) > 1 else "positions are missing" if missing else None,
    )


def activity_score(pair: tuple[Allele, Allele]) -> float | None:
    """Sum of two activity values; None when the gene has none."""
    first, second = (allele.activity for allele in pair)
    return None if first is None or second is None else first + second


def phenotype(definition: Definition, pair: tuple[Allele, Allele]) -> str:
    """The phenotype of a pair, by activity or functions; ``Indeterminate`` where the definition has none for it."""
    score = activity_score(pair)
    for low, high, name in definition.phenotypes:
        if definition.phenotype_by == "activity":
            if score is not None and float(low) <= score <= float(high):
                return name
        elif sorted((str(low), str(high))) == sorted(allele.function for allele in pair):
            return name
    return "Indeterminate"


def star_order(name: str) -> tuple[int, str]:
    """Sort key: *2 before *10."""
    number = re.match(r"\*(\d+)", name)
    return (int(number[1]) if number else 0, name)


def _phase_groups(calls: Mapping[str, SiteCall]) -> list[list[str]]:
    """Heterozygous sites whose phase to one another is known stand in one group."""
    groups: dict[str, list[str]] = {}
    for rsid, call in calls.items():
        if call.first != call.second:
            groups.setdefault(call.phase or f"alone {rsid}", []).append(rsid)
    return list(groups.values())


def _haplotype_pairs(
    calls: Mapping[str, SiteCall], groups: list[list[str]]
) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    first = {rsid: call.first for rsid, call in calls.items()}
    second = {rsid: call.second for rsid, call in calls.items()}
    # the first group stays as it is: swapping all groups gives the same pair
    for swaps in product((False, True), repeat=max(len(groups) - 1, 0)):
        swapped = {rsid for swap, group in zip(swaps, groups[1:], strict=True) if swap for rsid in group}
        yield (
            {rsid: second[rsid] if rsid in swapped else base for rsid, base in first.items()},
            {rsid: first[rsid] if rsid in swapped else base for rsid, base in second.items()},
        )


def _best_pairs(
    definition: Definition, calls: Mapping[str, SiteCall], groups: list[list[str]]
) -> list[tuple[Allele, Allele]]:
    default = definition.alleles[0]
    silent = {
        site.rsid: default.bases.get(site.rsid, site.places[GRCH38][1])
        for site in definition.sites
        if site.rsid in calls
    }
    patterns = []
    for allele in definition.alleles:
        named = [rsid for rsid in allele.bases if rsid in calls]
        if allele is not default and not named:
            continue  # none of its positions is known: it cannot be told from the default
        bases = {rsid: IUPAC.get(base := allele.bases.get(rsid, silent[rsid]), (base,)) for rsid in calls}
        patterns.append((allele, bases, len(definition.sites) if allele is default else len(named)))

    def explain(haplotype: dict[str, str]) -> list[tuple[Allele, int]]:
        return [
            (allele, score)
            for allele, bases, score in patterns
            if all(haplotype[rsid] in allowed for rsid, allowed in bases.items())
        ]

    found: dict[tuple[str, str], tuple[int, tuple[Allele, Allele]]] = {}
    for one, other in _haplotype_pairs(calls, groups):
        for (first, score), (second, more) in product(explain(one), explain(other)):
            pair = (first, second) if star_order(first.name) <= star_order(second.name) else (second, first)
            found[pair[0].name, pair[1].name] = (score + more, pair)
    top = max((score for score, _ in found.values()), default=0)
    best = [pair for score, pair in found.values() if score == top]
    return sorted(best, key=lambda pair: (star_order(pair[0].name), star_order(pair[1].name)))


def _lowest_activity(definition: Definition, calls: Mapping[str, SiteCall]) -> list[tuple[Allele, Allele]]:
    """Two variants of least activity, one per strand where the strands are known (CPIC's rule for DPYD)."""
    default = definition.alleles[0]
    strands: tuple[list[Allele], list[Allele]] = ([], [])
    phases = set()
    for allele in definition.alleles[1:]:
        for rsid, base in allele.bases.items():
            call = calls.get(rsid)
            if call is None:
                continue
            copies = (call.first == base, call.second == base)
            for strand, carried in zip(strands, copies, strict=True):
                if carried:
                    strand.append(allele)
            if copies[0] != copies[1]:
                phases.add(call.phase or f"alone {rsid}")

    def activity(allele: Allele) -> float:
        return 1.0 if allele.activity is None else allele.activity

    if len(phases) <= 1:
        pair = [min(strand, key=activity, default=default) for strand in strands]
    else:
        lowest = sorted([*strands[0], *strands[1]], key=activity)[:2]
        pair = [*lowest, default, default][:2]
    first, second = sorted(pair, key=lambda allele: (allele is not default, -activity(allele), allele.name))
    return [(first, second)]

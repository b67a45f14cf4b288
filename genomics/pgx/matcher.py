"""The named-allele matcher: from a sample's genotypes at a gene's sites to the diplotypes that explain them.

Unphased heterozygous sites are enumerated, phased ones stay together, missing positions are taken out of the
definitions and told. Of all pairs of named alleles that explain the genotypes, those with the highest score are the
answer, all of them: an allele scores the assessed positions it names, the default allele all of them (PharmCAT's rule,
Sangkuhl 2020, doi:10.1002/cpt.1568).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from genomics.builds import GRCH38
from genomics.pgx.definitions import IUPAC, Allele, Definition

MAX_PHASE_GROUPS = 14
"""More independent heterozygous groups than this (8192 pairs of haplotypes) are not enumerated."""

SINGLE_SITES = {"SLCO1B1": ("rs4149056", "C", ("*1", "*5"))}
"""Genes whose guideline accepts one site where no diplotype is found: site, allele, names without and with it (CPIC,
Cooper-DeHoff 2022, doi:10.1002/cpt.2557).
"""

OTHER = "other"
"""A base that the site's definition does not know."""


@dataclass(frozen=True)
class SiteCall:
    """A genotype at a site: two alleles as spelled in the definition, and the phase group if phased.

    ``second`` is ``HAPLOID`` where there is one chromosome. One allele may be None, not called; only genes that are
    read strand by strand use such calls.
    """

    first: str | None
    second: str | None
    phase: str | None = None

    @property
    def is_complete(self) -> bool:
        """Both alleles are known."""
        return self.first is not None and self.second is not None


HAPLOID = "no second chromosome"


@dataclass(frozen=True)
class Diplotype:
    """What the matcher found.

    Attributes:
        best: diplotypes with the highest score, in star order; more than one when the genotypes cannot tell them apart.
            For genes read by strands without phase: the single variants found.
        status: called, partial (positions missing), ambiguous (several diplotypes), variants (a list of variants whose
            strands are unknown), no_call or not_assessed.
        missing: rs numbers of the gene's positions without a complete genotype.
        activity_score, phenotype: what all of ``best`` agree on, else None and ``Indeterminate``.
        score: the score of ``best``: positions that its two alleles name.
        deciding: pairs of alleles that the phenotype is looked up with; for most genes those of ``best``.
    """

    best: tuple[str, ...]
    status: str
    missing: tuple[str, ...]
    activity_score: float | None
    phenotype: str | None
    reason: str | None
    score: int | None = None
    deciding: tuple[tuple[str, ...], ...] = ()


def match(definition: Definition, calls: Mapping[str, SiteCall], *, all_pairs: bool = False) -> Diplotype:
    """Find the diplotype of one gene.

    Args:
        definition: the gene.
        calls: genotype by rs number; sites that are not in it were not assessed.
        all_pairs: every diplotype that explains the genotypes, by falling score, not only those with the highest.
    """
    missing = tuple(one.rsid for one in definition.sites if one.rsid not in calls or not calls[one.rsid].is_complete)
    if definition.undocumented_is_reference:
        calls = _documented(definition, calls)
    if definition.mode != "strands":
        calls = {rsid: call for rsid, call in calls.items() if call.is_complete}
    status, reason = _obstacle(definition, calls, missing)
    if reason:
        return Diplotype((), status, missing, None, None, reason)
    if definition.mode == "strands":
        from genomics.pgx.strands import match_strands

        return match_strands(definition, calls, missing)
    if definition.mode == "lowest_activity":
        scored: list[tuple[int, tuple[Allele, ...]]] = [(0, pair) for pair in _lowest_activity(definition, calls)]
    else:
        scored = _scored_pairs(definition, calls, _phase_groups(calls))
    if not scored:
        return _single_site(definition, calls, missing)
    top = scored[0][0]
    pairs = [pair for score, pair in scored if all_pairs or score == top]
    return conclude(definition, _chosen(definition, pairs), missing, top)


def _obstacle(
    definition: Definition, calls: Mapping[str, SiteCall], missing: tuple[str, ...]
) -> tuple[str, str | None]:
    """Status and reason why nothing can be called, if so."""
    if not calls:
        return "not_assessed", "no position of the gene is assessed"
    if absent := definition.required.intersection(missing):
        return "no_call", f"required positions are missing: {', '.join(sorted(absent))}"
    if any(OTHER in (call.first, call.second) for call in calls.values()):
        return "no_call", "an allele that the definition does not know"
    if definition.mode == "star" and len(_phase_groups(calls)) > MAX_PHASE_GROUPS:
        return "no_call", "too many unphased heterozygous positions"
    return "", None


def conclude(
    definition: Definition, pairs: Sequence[tuple[Allele, ...]], missing: tuple[str, ...], score: int | None
) -> Diplotype:
    """The result that follows from one or more diplotypes."""
    scores = {activity_score(definition, pair) for pair in pairs}
    phenotypes = {phenotype(definition, pair) for pair in pairs}
    return Diplotype(
        tuple("/".join(one.name for one in pair) for pair in pairs),
        "ambiguous" if len(pairs) > 1 else "partial" if missing else "called",
        missing,
        scores.pop() if len(scores) == 1 else None,
        phenotypes.pop() if len(phenotypes) == 1 else "Indeterminate",
        "several diplotypes fit equally well" if len(pairs) > 1 else "positions are missing" if missing else None,
        score,
        tuple(tuple(one.name for one in pair) for pair in pairs),
    )


def _single_site(definition: Definition, calls: Mapping[str, SiteCall], missing: tuple[str, ...]) -> Diplotype:
    """No diplotype; where a guideline goes by one site, that site still decides (SLCO1B1: CPIC statins 2022)."""
    reason = "no pair of named alleles explains the genotypes"
    site, base, names = SINGLE_SITES.get(definition.gene, ("", "", ("", "")))
    call = calls.get(site)
    if call is None or call.second == HAPLOID:
        return Diplotype((), "no_call", missing, None, None, reason)
    alleles = {one.name: one for one in definition.alleles}
    copies = (call.first, call.second).count(base)
    chosen = tuple(alleles[names[index >= 2 - copies]] for index in range(2))
    return Diplotype(
        (), "no_call", missing, activity_score(definition, chosen), phenotype(definition, chosen),
        f"{reason}; the phenotype is that of {site} {call.first}/{call.second}", None,
        (tuple(allele.name for allele in chosen),),
    )  # fmt: skip


def _documented(definition: Definition, calls: Mapping[str, SiteCall]) -> dict[str, SiteCall]:
    references = {site.rsid: site.places[GRCH38][1] for site in definition.sites}

    def known(rsid: str, allele: str | None) -> str | None:
        return references[rsid] if allele == OTHER else allele

    return {
        rsid: SiteCall(known(rsid, call.first), known(rsid, call.second), call.phase) for rsid, call in calls.items()
    }


def _chosen(definition: Definition, pairs: Sequence[tuple[Allele, ...]]) -> Sequence[tuple[Allele, ...]]:
    """Of diplotypes that unphased data cannot tell apart, the one that the definition says to report."""
    named = {"/".join(one.name for one in pair): pair for pair in pairs}
    for listed, pick in definition.choices:
        if listed == named.keys():
            return [named[pick]]
    return pairs


def activity_score(definition: Definition, pair: tuple[Allele, ...]) -> float | None:
    """Sum of the activity values; None when the gene has none."""
    if definition.phenotype_by == "diplotype":
        return definition.diplotypes.get(tuple(sorted(one.name for one in pair)), (None, None))[1]
    values = [one.activity for one in pair]
    return None if None in values else sum(value for value in values if value is not None)


def phenotype(definition: Definition, pair: tuple[Allele, ...]) -> str | None:
    """The phenotype of a pair; ``Indeterminate`` where the definition has none for it, None where it has none."""
    if definition.phenotype_by == "diplotype":
        found = definition.diplotypes.get(tuple(sorted(one.name for one in pair)))
        return found[0] if found else "Indeterminate" if definition.diplotypes else None
    score = activity_score(definition, pair)
    # a male's one X does what two of a kind do
    functions = sorted(allele.function for allele in (pair if len(pair) > 1 else pair * 2))
    for low, high, name in definition.phenotypes:
        if definition.phenotype_by == "activity":
            if score is not None and float(low) <= score <= float(high):
                return name
        elif sorted((str(low), str(high))) == functions:
            return name
    return "Indeterminate"


def star_order(name: str) -> tuple[int, int, str]:
    """Sort key: Reference first, *2 before *10, and *80 before what begins with it; other names by the alphabet."""
    if name == "Reference":
        return (-1, 0, name)
    number = re.match(r"\*(\d+)", name)
    return (int(number[1]), len(name), name) if number else (0, 0, name)


def _phase_groups(calls: Mapping[str, SiteCall]) -> list[list[str]]:
    """Heterozygous sites whose phase to one another is known stand in one group."""
    groups: dict[str, list[str]] = {}
    for rsid, call in calls.items():
        if call.second not in (call.first, HAPLOID):
            groups.setdefault(call.phase or f"alone {rsid}", []).append(rsid)
    return list(groups.values())


def _haplotype_pairs(
    calls: Mapping[str, SiteCall], groups: list[list[str]]
) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    first = {rsid: str(call.first) for rsid, call in calls.items()}
    second = {rsid: str(call.second) for rsid, call in calls.items()}
    # the first group stays as it is: swapping all groups gives the same pair
    for swaps in product((False, True), repeat=max(len(groups) - 1, 0)):
        swapped = {rsid for swap, group in zip(swaps, groups[1:], strict=True) if swap for rsid in group}
        yield (
            {rsid: second[rsid] if rsid in swapped else base for rsid, base in first.items()},
            {rsid: first[rsid] if rsid in swapped else base for rsid, base in second.items()},
        )


def _scored_pairs(
    definition: Definition, calls: Mapping[str, SiteCall], groups: list[list[str]]
) -> list[tuple[int, tuple[Allele, ...]]]:
    """Pairs of named alleles that explain the genotypes, best first; single alleles where all calls are haploid."""
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
        patterns.append((allele, bases, len(calls) if allele is default else len(named)))

    def explain(haplotype: dict[str, str]) -> list[tuple[Allele, int]]:
        return [
            (allele, score)
            for allele, bases, score in patterns
            if all(haplotype[rsid] in allowed for rsid, allowed in bases.items())
        ]

    found: dict[tuple[str, ...], tuple[int, tuple[Allele, ...]]] = {}
    if all(call.second == HAPLOID for call in calls.values()):
        for allele, score in explain({rsid: str(call.first) for rsid, call in calls.items()}):
            found[(allele.name,)] = (score, (allele,))
    elif not any(call.second == HAPLOID for call in calls.values()):
        for one, other in _haplotype_pairs(calls, groups):
            for (first, score), (second, more) in product(explain(one), explain(other)):
                pair = tuple(sorted((first, second), key=lambda allele: star_order(allele.name)))
                found[pair[0].name, pair[1].name] = (score + more, pair)
    return sorted(found.values(), key=lambda one: (-one[0], *(star_order(allele.name) for allele in one[1])))


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

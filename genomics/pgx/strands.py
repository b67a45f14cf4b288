"""Genes whose variants are named one by one (DPYD, RYR1): what stands on each strand, and which of it counts.

CPIC looks the phenotype up with the variant of lowest function of each strand; where the strands are unknown, with the
two variants of lowest function (Amstutz 2018, doi:10.1002/cpt.911; PharmCAT, DPYD and RYR1 methods). HapB3 is named by
its intronic cause; the exonic marker alone stands for it only where the cause is not assessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product

from genomics.builds import GRCH38
from genomics.pgx.definitions import Allele, Definition
from genomics.pgx.matcher import Diplotype, SiteCall, activity_score, phenotype

HAPB3, HAPB3_CAUSE, HAPB3_MARKER = "c.1129-5923C>G, c.1236G>A (HapB3)", "rs75017182", "rs56038477"
MAX_PHASE_SETS = 8

_WORST_FIRST = ("Malignant Hyperthermia associated", "No function", "Decreased function", "Uncertain function", "")
"""Functions of genes without activity values, worst first."""

Strand = dict[str, str | None]


def match_strands(definition: Definition, calls: Mapping[str, SiteCall], missing: tuple[str, ...]) -> Diplotype:
    """Name the variants of both strands; a list of variants where the strands are unknown."""
    hets = {rsid: call.phase for rsid, call in calls.items() if call.first != call.second}
    both = [rsid for rsid, call in calls.items() if call.is_complete and call.first != call.second]
    if len(hets) > 1 and len(both) > 1 and None in {hets[rsid] for rsid in both}:
        return _unphased(definition, calls, missing)
    sets = sorted({phase for phase in hets.values() if phase is not None}) if len(hets) > 1 else []
    if len(sets) > MAX_PHASE_SETS:
        return _unphased(definition, calls, missing)
    found: dict[str, tuple[list[Allele], list[Allele]]] = {}
    for swaps in product((False, True), repeat=max(len(sets) - 1, 0)):
        swapped = {phase for phase, swap in zip(sets[1:], swaps, strict=False) if swap}
        strands: tuple[Strand, Strand] = ({}, {})
        for rsid, call in calls.items():
            first, second = (call.second, call.first) if call.phase in swapped else (call.first, call.second)
            strands[0][rsid], strands[1][rsid] = first, second
        one, other = (_components(definition, strand) for strand in strands)
        one, other = sorted((one, other), key=_strand_order)
        found[f"{_name(definition, one)}/{_name(definition, other)}"] = (one, other)
    if not found:
        return Diplotype((), "not_assessed", missing, None, None, "no position of the gene is assessed")
    # where phase sets leave several, the arrangement of least activity decides
    deciding = [tuple(_worst(definition, strand)[0] for strand in pair) for pair in found.values()]
    chosen = min(deciding, key=lambda pair: sum(_rank(allele) for allele in pair))
    several = len(found) > 1
    return Diplotype(
        tuple(found),
        "ambiguous" if several else "partial" if missing else "called",
        missing,
        activity_score(definition, chosen),
        phenotype(definition, chosen),
        "several arrangements of the phase sets" if several else "positions are missing" if missing else None,
        None,
        (tuple(allele.name for allele in chosen),),
    )


def _unphased(definition: Definition, calls: Mapping[str, SiteCall], missing: tuple[str, ...]) -> Diplotype:
    """A list of the variants found, whatever strand they lie on; homozygous ones count twice."""
    either = {rsid: {call.first, call.second} for rsid, call in calls.items()}
    default, found = definition.alleles[0], []
    for allele in definition.alleles[1:]:
        if all(base in either.get(rsid, ()) for rsid, base in _changed(definition, allele).items()):
            twice = all(either[rsid] == {base} for rsid, base in _changed(definition, allele).items())
            found.append((allele, 2 if twice else 1))
    covered = [allele for allele, _ in found]
    found = [(allele, copies) for allele, copies in found if not _is_part(definition, allele, covered)]
    found.sort(key=lambda one: _variant_order(one[0].name))
    copies = [allele for allele, count in found for _ in range(count)]
    worst = [*sorted(copies, key=_rank), default, default][:2]
    chosen = tuple(sorted(worst, key=lambda allele: (allele is not default, _variant_order(allele.name))))
    return Diplotype(
        tuple(f"{allele.name} (homozygous)" if count == 2 else allele.name for allele, count in found),
        "variants",
        missing,
        activity_score(definition, chosen),
        phenotype(definition, chosen),
        "which variants share a strand is not known",
        None,
        (tuple(allele.name for allele in chosen),),
    )


def _changed(definition: Definition, allele: Allele) -> dict[str, str]:
    """Where an allele differs from the reference."""
    references = {site.rsid: site.places[GRCH38][1] for site in definition.sites}
    return {rsid: base for rsid, base in allele.bases.items() if base != references[rsid]}


def _components(definition: Definition, strand: Strand) -> list[Allele]:
    found = []
    for allele in definition.alleles[1:]:
        changed = _changed(definition, allele)
        if allele.name == HAPB3 and strand.get(HAPB3_CAUSE) is None and HAPB3_MARKER in changed:
            changed = {HAPB3_MARKER: changed[HAPB3_MARKER]}
        if changed and all(strand.get(rsid) == base for rsid, base in changed.items()):
            found.append(allele)
    found = [allele for allele in found if not _is_part(definition, allele, found)]
    return sorted(found, key=lambda allele: _variant_order(allele.name))


def _is_part(definition: Definition, allele: Allele, others: list[Allele]) -> bool:
    """Another allele says all that this one says, and more."""
    mine = _changed(definition, allele).items()
    return any(mine < _changed(definition, other).items() for other in others if other is not allele)


def _name(definition: Definition, strand: list[Allele]) -> str:
    if not strand:
        return definition.alleles[0].name
    names = [allele.name for allele in strand]
    return names[0] if len(names) == 1 else f"[{' + '.join(names)}]"


def _strand_order(strand: list[Allele]) -> tuple[int, list[tuple[int, str]]]:
    return len(strand), [_variant_order(allele.name) for allele in strand]


def _variant_order(name: str) -> tuple[int, str]:
    """Sort key: c.85T>C before c.1627A>G."""
    number = re.match(r"c\.(\d+)", name)
    return (int(number[1]) if number else -1, name)


def _worst(definition: Definition, strand: list[Allele]) -> list[Allele]:
    """The variants of a strand, worst first; the reference where there is none."""
    return sorted(strand, key=_rank) or [definition.alleles[0]]


def _rank(allele: Allele) -> float:
    """Activity; without activity values, the rank of the function word, between 0 (worst) and 1."""
    if allele.activity is not None:
        return allele.activity
    if allele.function in _WORST_FIRST:
        return _WORST_FIRST.index(allele.function) / len(_WORST_FIRST)
    return 1.0

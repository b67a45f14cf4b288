"""Calls made elsewhere (CYP2D6 from reads, HLA types): lines of gene, diplotype, phenotype, activity score, by tabs.

The format is PharmCAT's outside call file. An outside call stands instead of what the VCF would give, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from genomics.pgx.definitions import Allele, Definition
from genomics.pgx.matcher import Diplotype, activity_score, star_order
from genomics.pgx.matcher import phenotype as looked_up
from lake.quarantine import BadFile

REASON = "outside call"

HLA_ALLELES = {"HLA-A": ("*31:01",), "HLA-B": ("*15:02", "*57:01", "*58:01")}
"""Alleles that CPIC guidelines ask for; what a typing means is stated for each."""

SEPARATOR = "; "
"""Between the statements of a gene that has several."""


@dataclass(frozen=True)
class OutsideCall:
    """One line of the file; at least one of diplotype, phenotype and activity score is given."""

    gene: str
    diplotype: str | None
    phenotype: str | None
    activity_score: float | None


def read_outside_calls(path: Path) -> list[OutsideCall]:
    """Read a file of outside calls. Blank lines and lines that begin with # are skipped.

    Raises:
        BadFile: a line without a gene or without any call, a score that is no number, or a gene with two lines.
    """
    found: list[OutsideCall] = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        gene, diplotype, phenotype, score, *more = [*(part.strip() for part in line.split("\t")), "", "", "", ""]
        if not gene or not (diplotype or phenotype or score) or any(more):
            raise BadFile(
                "invalid_outside_call", f"line {number}: expected gene, diplotype, phenotype, activity score, by tabs"
            )
        try:
            value = float(score) if score else None
        except ValueError:
            raise BadFile("invalid_outside_call", f"line {number}: the activity score is not a number") from None
        if gene in {one.gene for one in found}:
            raise BadFile("invalid_outside_call", f"line {number}: {gene} has a line above already; which one holds?")
        found.append(OutsideCall(gene, _in_order(diplotype) if diplotype else None, phenotype or None, value))
    return found


def _in_order(diplotype: str) -> str:
    """*2/*1 as *1/*2, as every other diplotype is written."""
    parts = [part.strip() for part in diplotype.split("/")]
    return "/".join(sorted(parts, key=star_order)) if len(parts) == 2 else diplotype


def _copies(name: str) -> tuple[str, int]:
    """*2x3 as *2 and 3."""
    found = re.fullmatch(r"(.+)x(\d+)", name)
    return (found[1], int(found[2])) if found else (name, 1)


def _of_copies(alleles: Mapping[str, Allele], name: str) -> Allele:
    """The allele with the activity of all its copies."""
    allele = alleles[_copies(name)[0]]
    return replace(allele, activity=None if allele.activity is None else allele.activity * _copies(name)[1])


def _is_type(name: str, allele: str) -> bool:
    """Whether a type, which may have more fields (*57:01:01:01), is of an allele."""
    return f"{name}:".startswith(f"{allele}:")


def as_diplotype(call: OutsideCall, definitions: Mapping[str, Definition]) -> Diplotype:
    """The result that an outside call stands for; phenotype and score looked up where the call does not give them."""
    phenotype, score = call.phenotype, call.activity_score
    definition = definitions.get(call.gene)
    names = tuple(call.diplotype.split("/")) if call.diplotype else ()
    if call.gene in HLA_ALLELES and len(names) == 2:
        phenotype = phenotype or SEPARATOR.join(
            f"{allele} {'positive' if any(_is_type(name, allele) for name in names) else 'negative'}"
            for allele in HLA_ALLELES[call.gene]
        )
    if definition is not None and names:
        known = definition.diplotypes.get(tuple(sorted(names)))
        alleles = {one.name: one for one in definition.alleles}
        if known:
            phenotype, score = phenotype or known[0], known[1] if score is None else score
        elif all(_copies(name)[0] in alleles for name in names) and definition.phenotype_by != "diplotype":
            pair = tuple(_of_copies(alleles, name) for name in names)
            phenotype = phenotype or looked_up(definition, pair)
            score = activity_score(definition, pair) if score is None else score
    best = (call.diplotype,) if call.diplotype else ()
    return Diplotype(best, "called", (), score, phenotype, REASON, None, (names,) if names else ())

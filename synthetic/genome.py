"""Genotypes of people, and the true polygenic scores that act in the hazards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from synthetic.clock import Array, Index
from synthetic.variants import ANCESTRY_SHARE, HAPLOTYPES, PATHOGENIC, TRAITS, catalogue, column


@dataclass(frozen=True)
class Genome:
    """Haplotypes (people, variants, 2) as 0 reference / 1 alternate; males carry one X: its second allele is -2."""

    alleles: NDArray[np.int8]

    @property
    def dosage(self) -> NDArray[np.int8]:
        """ALT alleles carried, (people, variants)."""
        return np.maximum(self.alleles, 0).sum(axis=2, dtype=np.int8)

    def carries(self, genes: tuple[str, ...]) -> NDArray[np.bool_]:
        """People with at least one rare pathogenic allele in ``genes``."""
        columns = [column(row[0]) for row in PATHOGENIC if row[5] in genes]
        return np.asarray(self.dosage[:, columns].sum(axis=1) > 0)

    def copies(self, rsid: str) -> Array:
        """ALT alleles of one variant."""
        return self.dosage[:, column(rsid)].astype(float)


def draw(rng: np.random.Generator, ancestry: Index, male: NDArray[np.bool_]) -> Genome:
    """Draw genotypes: Hardy-Weinberg within an ancestry, star-allele genes by whole haplotypes."""
    variants = catalogue()
    frequency = np.array([v.frequency for v in variants]).T
    n = len(ancestry)
    alleles = (rng.random((n, len(variants), 2)) < frequency[ancestry][:, :, None]).astype(np.int8)
    for haplotypes in HAPLOTYPES.values():
        shares = np.array([freq for _, _, freq in haplotypes]).T[ancestry]
        edges = np.cumsum(shares, axis=1)
        pick = (rng.random((n, 2))[:, :, None] > edges[:, None, :]).sum(axis=2)
        for rsid in sorted({rsid for _, rsids, _ in haplotypes for rsid in rsids}):
            members = [i for i, (_, rsids, _) in enumerate(haplotypes) if rsid in rsids]
            alleles[:, column(rsid), :] = np.isin(pick, members)
    on_x = [i for i, v in enumerate(variants) if v.chrom == "chrX"]
    second = alleles[:, :, 1]
    second[np.ix_(np.flatnonzero(male), np.array(on_x))] = -2
    return Genome(alleles)


@cache
def effects() -> Array:
    """True log odds ratios per ALT allele, (variants, traits); a score is ``(dosage @ effects - mean) / sd``."""
    matrix = np.zeros((len(catalogue()), len(TRAITS)))
    for i, variant in enumerate(catalogue()):
        for trait, beta in variant.effects:
            matrix[i, TRAITS.index(trait)] = beta
    return matrix


@cache
def score_moments() -> tuple[Array, Array]:
    """Mean and standard deviation of the raw scores in the mixture of ancestries, from the frequencies alone."""
    frequency = np.array([v.frequency for v in catalogue()])
    share = np.array(ANCESTRY_SHARE)
    means = 2 * frequency.T @ effects()
    within = (2 * frequency * (1 - frequency)).T @ effects() ** 2
    mean = share @ means
    return mean, np.sqrt(share @ within + share @ (means - mean) ** 2)


def true_scores(genome: Genome) -> dict[str, Array]:
    """Standardised true polygenic scores by trait: mean 0 and variance 1 over the population's mixture."""
    mean, sd = score_moments()
    raw = genome.dosage.astype(np.float64) @ effects()
    standard = (raw - mean) / sd
    return {trait: standard[:, i] for i, trait in enumerate(TRAITS)}

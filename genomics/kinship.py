"""Who shares a genome with whom: the KING-robust kinship of all pairs.

The between-family estimator of Manichaikul 2010 (doi:10.1093/bioinformatics/btq559), as plink2 --make-king has it: it
needs no allele frequencies, so strangers of different ancestry come out at or below zero. It counts over the sites that
both of a pair have assessed.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

RELATIONS = (
    ("same_genome", 0.354),
    ("first_degree", 0.177),
    ("second_degree", 0.0884),
    ("third_degree", 0.0442),
)
"""Relation and the least kinship for it (Manichaikul 2010); identical twins are one genome, too."""

LEAST_SITES = 100
"""Fewer jointly assessed sites than this say nothing about a pair."""

SAME_GENOME_CONCORDANCE = 0.95
"""Equal genotypes from which on two samples are one genome where nothing else can be said: strangers who both carry an
allele agree on its copies at about two sites of three, relatives at fewer than nine of ten.
"""

WINDOW = 100_000
"""Bases within which sites are taken for one locus: neighbours are inherited together."""

NOISE = 3.0
"""Strangers' kinship spreads by about 0.6 over the root of the number of loci; five times that is told from them."""

MOST_SAMPLES = 5000
"""Counts of all pairs are held in memory: 5,000 samples take about 1 GB."""

PAIR_SCHEMA = pa.schema(
    [
        ("first", pa.string()), ("second", pa.string()), ("n_sites", pa.int64()), ("n_ibs0", pa.int64()),
        ("concordance", pa.float64()), ("kinship", pa.float64()), ("relation", pa.string()),
    ]
)  # fmt: skip


class PairCounts:
    """Counts of genotype pairs over sites that come batch by batch."""

    def __init__(self, n_samples: int) -> None:
        """Start with no sites.

        Raises:
            ValueError: too many samples for counts of all pairs.
        """
        if n_samples > MOST_SAMPLES:
            raise ValueError(f"{n_samples:,} samples; pairs are counted among {MOST_SAMPLES:,} at most")
        shape = (n_samples, n_samples)
        self._het_het, self._ref_alt, self._het_hom, self._hom_hom = (np.zeros(shape) for _ in range(4))
        self._loci: set[str] = set()

    def add(self, variants: pa.Table, dosage: np.ndarray) -> None:
        """Count more sites; those that are not on autosomes are left out.

        Args:
            variants: chrom, pos.
            dosage: variants x samples, copies of the alternate allele (0, 1, 2), -1 not assessed.
        """
        on_autosome = pc.utf8_is_decimal(variants["chrom"]).combine_chunks()
        variants, dosage = variants.filter(on_autosome), dosage[np.asarray(on_autosome)]
        window = pc.cast(pc.divide(variants["pos"], WINDOW), pa.string())
        self._loci.update(pc.unique(pc.binary_join_element_wise(variants["chrom"], window, ":")).to_pylist())
        het, ref, alt = ((dosage == copies).astype(np.float32).T for copies in (1, 0, 2))
        hom = ref + alt
        self._het_het += het @ het.T
        self._ref_alt += ref @ alt.T
        self._het_hom += het @ hom.T
        self._hom_hom += hom @ hom.T

    def resolution(self) -> float:
        """The least kinship that the loci seen can tell from strangers'; above 0.5 none can."""
        return max(NOISE / np.sqrt(max(len(self._loci), 1)), RELATIONS[-1][1])

    def pairs(self, names: list[str], lists_reference: np.ndarray | None = None) -> pa.Table:
        """The pairs whose kinship is at least the resolution, closest first.

        Args:
            names: the samples.
            lists_reference: whether a sample's file lists homozygous reference calls (all do if None). Where one does
                not, there is no kinship; the pair is told only if it is one genome.

        Returns:
            ``PAIR_SCHEMA``: n_ibs0 are the sites where both are homozygous for different alleles (a parent and a child
            have none but errors), concordance the share of sites with equal genotypes. Pairs with fewer than
            ``LEAST_SITES`` jointly assessed sites are left out.
        """
        ibs0 = self._ref_alt + self._ref_alt.T
        sites = self._het_het + self._het_hom + self._het_hom.T + self._hom_hom
        fewer_het = self._het_het + np.minimum(self._het_hom, self._het_hom.T)
        with np.errstate(invalid="ignore", divide="ignore"):
            kinship = 0.5 - (4 * ibs0 + self._het_hom + self._het_hom.T) / (4 * fewer_het)
            concordance = (self._het_het + self._hom_hom - ibs0) / sites
        if lists_reference is not None:
            kinship[~np.outer(lists_reference, lists_reference)] = np.nan
        same = np.isnan(kinship) & (concordance >= SAME_GENOME_CONCORDANCE)
        one, other = np.triu_indices(len(names), k=1)
        related = (kinship >= self.resolution()) | same
        kept = (sites[one, other] >= LEAST_SITES) & related[one, other]
        one, other = one[kept], other[kept]
        order = np.argsort(-np.where(same, 0.5, kinship)[one, other], kind="stable")
        one, other = one[order], other[order]
        return pa.table(
            [
                pa.array([names[index] for index in one], pa.string()),
                pa.array([names[index] for index in other], pa.string()),
                pa.array(sites[one, other].astype(np.int64)),
                pa.array(ibs0[one, other].astype(np.int64)),
                pa.array(concordance[one, other]),
                pa.array(kinship[one, other], from_pandas=True),
                pa.array([relation(value) for value in kinship[one, other].tolist()], pa.string()),
            ],
            schema=PAIR_SCHEMA,
        )


def relation(kinship: float) -> str:
    """The relation that the kinship of a listed pair speaks for; without one it was listed for being one genome."""
    return next((name for name, least in RELATIONS if kinship >= least), RELATIONS[0][0])

"""The variant catalogue: what the demo genome array and its rare-variant panel assay, on GRCh38.

Pharmacogene positions are those of the PharmCAT/CPIC allele definitions; named disease loci and pathogenic variants
are real variants with their dbSNP/ClinVar identities and published-like effects. The remaining common variants are
invented: their rsids start at rs9000000001, far outside dbSNP's range, so that nobody mistakes them for real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from synthetic.randomness import stream

ANCESTRIES = ("EUR", "AFR", "EAS", "SAS", "AMR")
ANCESTRY_SHARE = (0.60, 0.14, 0.11, 0.08, 0.07)
TRAITS = ("t2d", "cad", "af", "breast_cancer", "colorectal_cancer", "ckd")
TRAIT_VARIANTS = {"t2d": 90, "cad": 90, "af": 60, "breast_cancer": 60, "colorectal_cancer": 50, "ckd": 50}
FST = 0.06
"""Differentiation between ancestries of the invented variants (1000 Genomes continental values are 0.05-0.15)."""

CHROMOSOME_LENGTHS = {
    "chr1": 248956422, "chr2": 242193529, "chr3": 198295559, "chr4": 190214555, "chr5": 181538259, "chr6": 170805979,
    "chr7": 159345973, "chr8": 145138636, "chr9": 138394717, "chr10": 133797422, "chr11": 135086622,
    "chr12": 133275309, "chr13": 114364328, "chr14": 107043718, "chr15": 101991189, "chr16": 90338345,
    "chr17": 83257441, "chr18": 80373285, "chr19": 58617616, "chr20": 64444167, "chr21": 46709983,
    "chr22": 50818468, "chrX": 156040895,
}  # fmt: skip
"""GRCh38 primary assembly."""


@dataclass(frozen=True)
class Variant:
    """One assayed site with one alternate allele. ``effects`` are log odds ratios per ALT allele, by trait."""

    rsid: str
    chrom: str
    pos: int
    ref: str
    alt: str
    frequency: tuple[float, ...]
    """ALT frequency in each of ``ANCESTRIES``; for haplotype members it follows from the haplotypes."""
    kind: str
    gene: str = ""
    effects: tuple[tuple[str, float], ...] = ()


# rsid, chrom, pos, ref, alt, ALT frequency in EUR, trait, log OR per ALT, gene
_LOCI = (
    ("rs7903146", "chr10", 112998590, "C", "T", 0.29, "t2d", 0.31, "TCF7L2"),
    ("rs1801282", "chr3", 12351626, "C", "G", 0.12, "t2d", -0.13, "PPARG"),
    ("rs5219", "chr11", 17388025, "T", "C", 0.64, "t2d", -0.07, "KCNJ11"),
    ("rs13266634", "chr8", 117172544, "C", "T", 0.31, "t2d", -0.13, "SLC30A8"),
    ("rs4402960", "chr3", 185793899, "G", "T", 0.31, "t2d", 0.12, "IGF2BP2"),
    ("rs7756992", "chr6", 20679478, "A", "G", 0.27, "t2d", 0.14, "CDKAL1"),
    ("rs2237892", "chr11", 2818521, "C", "T", 0.07, "t2d", -0.22, "KCNQ1"),
    ("rs1111875", "chr10", 92703125, "C", "T", 0.41, "t2d", -0.11, "HHEX"),
    ("rs1421085", "chr16", 53767042, "T", "C", 0.42, "t2d", 0.11, "FTO"),
    ("rs10811661", "chr9", 22134095, "T", "C", 0.17, "t2d", -0.17, "CDKN2B"),
    ("rs1333049", "chr9", 22125504, "G", "C", 0.47, "cad", 0.21, "CDKN2B-AS1"),
    ("rs10455872", "chr6", 160589086, "A", "G", 0.07, "cad", 0.33, "LPA"),
    ("rs12740374", "chr1", 109274968, "G", "T", 0.22, "cad", -0.12, "CELSR2"),
    ("rs11591147", "chr1", 55039974, "G", "T", 0.016, "cad", -0.30, "PCSK9"),
    ("rs9349379", "chr6", 12903725, "A", "G", 0.41, "cad", 0.13, "PHACTR1"),
    ("rs2200733", "chr4", 110789013, "C", "T", 0.12, "af", 0.46, "PITX2"),
    ("rs2106261", "chr16", 73017721, "C", "T", 0.17, "af", 0.19, "ZFHX3"),
    ("rs13376333", "chr1", 154841877, "C", "T", 0.30, "af", 0.14, "KCNN3"),
    ("rs2981582", "chr10", 121592803, "A", "G", 0.61, "breast_cancer", -0.23, "FGFR2"),
    ("rs3803662", "chr16", 52552429, "A", "G", 0.73, "breast_cancer", -0.19, "CASC16"),
    ("rs6983267", "chr8", 127401060, "G", "T", 0.50, "colorectal_cancer", -0.19, "CCAT2"),
    ("rs4939827", "chr18", 48927093, "T", "C", 0.48, "colorectal_cancer", -0.17, "SMAD7"),
    ("rs4779584", "chr15", 32702555, "T", "C", 0.80, "colorectal_cancer", -0.15, "GREM1"),
    ("rs4293393", "chr16", 20353266, "A", "G", 0.18, "ckd", -0.22, "UMOD"),
    ("rs17319721", "chr4", 76447694, "G", "A", 0.43, "ckd", 0.12, "SHROOM3"),
)

# gene: haplotype, rsids carrying ALT, frequency in EUR, AFR, EAS, SAS, AMR; the remainder is the reference haplotype
HAPLOTYPES: dict[str, tuple[tuple[str, tuple[str, ...], tuple[float, ...]], ...]] = {
    "CYP2C19": (
        ("*2", ("rs4244285",), (0.147, 0.157, 0.284, 0.270, 0.105)),
        ("*3", ("rs4986893",), (0.002, 0.003, 0.072, 0.004, 0.001)),
        ("*17", ("rs12248560",), (0.216, 0.200, 0.020, 0.170, 0.120)),
    ),
    "CYP2C9": (
        ("*2", ("rs1799853",), (0.127, 0.024, 0.002, 0.046, 0.075)),
        ("*3", ("rs1057910",), (0.076, 0.013, 0.038, 0.110, 0.040)),
    ),
    "TPMT": (
        ("*3A", ("rs1800460", "rs1142345"), (0.034, 0.005, 0.0005, 0.004, 0.040)),
        ("*3C", ("rs1142345",), (0.005, 0.030, 0.016, 0.012, 0.007)),
        ("*2", ("rs1800462",), (0.002, 0.001, 0.0, 0.0, 0.002)),
    ),
    "APOE": (
        ("e4", ("rs429358",), (0.145, 0.250, 0.090, 0.090, 0.110)),
        ("e2", ("rs7412",), (0.080, 0.100, 0.080, 0.045, 0.035)),
    ),
}

# rsid, chrom, pos, ref, alt, ALT frequency by ancestry, gene
_PHARMACOGENE_SITES = (
    ("rs12248560", "chr10", 94761900, "C", "T", None, "CYP2C19"),
    ("rs4986893", "chr10", 94780653, "G", "A", None, "CYP2C19"),
    ("rs4244285", "chr10", 94781859, "G", "A", None, "CYP2C19"),
    ("rs1799853", "chr10", 94942290, "C", "T", None, "CYP2C9"),
    ("rs1057910", "chr10", 94981296, "A", "C", None, "CYP2C9"),
    ("rs1142345", "chr6", 18130687, "T", "C", None, "TPMT"),
    ("rs1800460", "chr6", 18138997, "C", "T", None, "TPMT"),
    ("rs1800462", "chr6", 18143724, "C", "G", None, "TPMT"),
    ("rs9923231", "chr16", 31096368, "C", "T", (0.39, 0.06, 0.90, 0.15, 0.42), "VKORC1"),
    ("rs4149056", "chr12", 21178615, "T", "C", (0.16, 0.02, 0.13, 0.05, 0.13), "SLCO1B1"),
    ("rs67376798", "chr1", 97082391, "T", "A", (0.007, 0.001, 0.0, 0.001, 0.003), "DPYD"),
    ("rs3918290", "chr1", 97450058, "C", "T", (0.008, 0.001, 0.0, 0.004, 0.002), "DPYD"),
    ("rs55886062", "chr1", 97515787, "A", "C", (0.001, 0.0, 0.0, 0.0, 0.0), "DPYD"),
    ("rs56038477", "chr1", 97573863, "C", "T", (0.024, 0.003, 0.0, 0.019, 0.010), "DPYD"),
    ("rs776746", "chr7", 99672916, "T", "C", (0.93, 0.18, 0.71, 0.67, 0.78), "CYP3A5"),
    ("rs116855232", "chr13", 48045719, "C", "T", (0.003, 0.001, 0.095, 0.070, 0.040), "NUDT15"),
    ("rs2108622", "chr19", 15879621, "C", "T", (0.29, 0.08, 0.21, 0.41, 0.24), "CYP4F2"),
    ("rs2231142", "chr4", 88131171, "G", "T", (0.10, 0.02, 0.30, 0.10, 0.14), "ABCG2"),
    ("rs429358", "chr19", 44908684, "T", "C", None, "APOE"),
    ("rs7412", "chr19", 44908822, "C", "T", None, "APOE"),
    ("rs6025", "chr1", 169549811, "C", "T", (0.030, 0.005, 0.0, 0.010, 0.010), "F5"),
    ("rs1799963", "chr11", 46739505, "G", "A", (0.014, 0.002, 0.0, 0.002, 0.008), "F2"),
    ("rs1800562", "chr6", 26092913, "G", "A", (0.060, 0.010, 0.0, 0.002, 0.020), "HFE"),
    ("rs36053993", "chr1", 45331556, "C", "T", (0.005, 0.001, 0.0, 0.001, 0.002), "MUTYH"),
    ("rs1050828", "chrX", 154536002, "C", "T", (0.0, 0.120, 0.0, 0.001, 0.010), "G6PD"),
)

# rsid, chrom, pos, ref, alt, gene, condition, ClinVar allele id of the demo release, carrier frequency of an allele
PATHOGENIC = (
    ("rs80357906", "chr17", 43057062, "T", "TG", "BRCA1", "Hereditary_breast_ovarian_cancer_syndrome", 0.0022),
    ("rs80357914", "chr17", 43124027, "ACT", "A", "BRCA1", "Hereditary_breast_ovarian_cancer_syndrome", 0.0018),
    ("rs80359550", "chr13", 32340300, "GT", "G", "BRCA2", "Hereditary_breast_ovarian_cancer_syndrome", 0.0022),
    ("rs180177132", "chr16", 23621362, "C", "T", "PALB2", "Familial_cancer_of_breast", 0.0010),
    ("rs137929307", "chr19", 11116928, "G", "A", "LDLR", "Hypercholesterolemia,_familial,_1", 0.0022),
    ("rs28941776", "chr19", 11113337, "G", "A", "LDLR", "Hypercholesterolemia,_familial,_1", 0.0018),
    ("rs5742904", "chr2", 21006288, "C", "T", "APOB", "Hypercholesterolemia,_autosomal_dominant,_type_B", 0.0015),
    ("rs63750781", "chr3", 37004444, "C", "T", "MLH1", "Lynch_syndrome", 0.0018),
    ("rs193922376", "chr2", 47414421, "A", "T", "MSH2", "Lynch_syndrome", 0.0018),
    ("rs375882485", "chr11", 47342698, "G", "A", "MYBPC3", "Hypertrophic_cardiomyopathy_4", 0.0012),
)
"""Rare pathogenic variants, far commoner here than in the world (an enriched cohort) so that a small demo has some."""


@cache
def catalogue() -> tuple[Variant, ...]:
    """Return every assayed variant in VCF order. The same for every seed: nature does not depend on the sample."""
    order = {chrom: i for i, chrom in enumerate(CHROMOSOME_LENGTHS)}
    found = {v.rsid: v for v in (*_named(), *_pharmacogenes(), *_rare(), *_invented())}
    return tuple(sorted(found.values(), key=lambda v: (order[v.chrom], v.pos)))


@cache
def column(rsid: str) -> int:
    """Return a variant's column in the genotype matrix."""
    return next(i for i, v in enumerate(catalogue()) if v.rsid == rsid)


def _named() -> list[Variant]:
    drift = stream(0, "named loci")
    return [
        Variant(rsid, chrom, pos, ref, alt, _drift(drift, p), "common", gene, ((trait, beta),))
        for rsid, chrom, pos, ref, alt, p, trait, beta, gene in _LOCI
    ]


def _pharmacogenes() -> list[Variant]:
    result = []
    for rsid, chrom, pos, ref, alt, own, gene in _PHARMACOGENE_SITES:
        if own is None:
            carrying = [share for _, rsids, share in HAPLOTYPES[gene] if rsid in rsids]
            frequency = tuple(float(sum(shares)) for shares in zip(*carrying, strict=True))
            result.append(Variant(rsid, chrom, pos, ref, alt, frequency, "haplotype", gene))
        else:
            result.append(Variant(rsid, chrom, pos, ref, alt, own, "single", gene))
    return result


def _rare() -> list[Variant]:
    return [
        Variant(rsid, chrom, pos, ref, alt, (p,) * len(ANCESTRIES), "rare", gene)
        for rsid, chrom, pos, ref, alt, gene, _, p in PATHOGENIC
    ]


def _invented() -> list[Variant]:
    """Common variants with effects drawn so that rarer alleles have larger ones, plus neutral sites on X."""
    rng = stream(0, "invented variants")
    named = {trait: sum(row[6] == trait for row in _LOCI) for trait in TRAITS}
    traits = [trait for trait in TRAITS for _ in range(TRAIT_VARIANTS[trait] - named[trait])] + [""] * 14
    autosomes = list(CHROMOSOME_LENGTHS)[:-1]
    weight = np.array([CHROMOSOME_LENGTHS[c] for c in autosomes], dtype=float)
    pairs = (("A", "G"), ("G", "A"), ("C", "T"), ("T", "C"), ("A", "C"), ("G", "T"), ("A", "T"), ("C", "G"))
    shares = (0.19, 0.19, 0.19, 0.19, 0.07, 0.07, 0.05, 0.05)
    result = []
    for i, trait in enumerate(traits):
        chrom = str(rng.choice(autosomes, p=weight / weight.sum())) if trait else "chrX"
        low, high = (5_000_000, 150_000_000) if chrom == "chrX" else (1_000_000, CHROMOSOME_LENGTHS[chrom] - 1_000_000)
        pos = int(rng.integers(low, high))
        ref, alt = pairs[rng.choice(len(pairs), p=shares)]
        p = float(rng.uniform(0.06, 0.6))
        beta = float(rng.normal(0, 0.075) / np.sqrt(2 * p * (1 - p)) * 0.6)
        effects = ((trait, round(beta, 4)),) if trait else ()
        result.append(Variant(f"rs{9_000_000_001 + i}", chrom, pos, ref, alt, _drift(rng, p), "common", "", effects))
    return result


def _drift(rng: np.random.Generator, p: float) -> tuple[float, ...]:
    """Balding-Nichols: each ancestry's frequency around the ancestral one."""
    a, b = p * (1 - FST) / FST, (1 - p) * (1 - FST) / FST
    return tuple(float(np.clip(x, 0.01, 0.97)) for x in rng.beta(a, b, len(ANCESTRIES)))

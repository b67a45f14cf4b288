"""Quality of the samples and variants of one file, from its calls alone, in one pass and constant memory per variant.

Counts, frequencies, Hardy-Weinberg and inbreeding follow plink2's definitions (--freq, --geno-counts, --hardy, --het,
--missing; Chang 2015, doi:10.1186/s13742-015-0047-8), so that the figures can be held against it. A multi-allelic
record counts once per alternate allele; everything that is not this allele is its reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genomics.builds import in_par
from genomics.hardy_weinberg import exact_p
from genomics.kinship import PairCounts
from genomics.projection import Loadings, Projection
from genomics.scan import Batch, plain, scan
from genomics.tables import GENOME_GENOTYPE, GENOME_VARIANT
from lake.settings import Settings

LEAST_X_SITES = 20
MALE_X_HET_RATE, FEMALE_X_HET_RATE = 0.02, 0.1
_TRANSITIONS = pa.array(["AG", "GA", "CT", "TC"])
_COUNTS = ("hom_ref", "het", "hom_alt", "hap_ref", "hap_alt", "missing")


@dataclass
class CohortQc:
    """What was found.

    Attributes:
        variants: one row per alternate allele: place, counts of genotypes, alt_frequency, allele_number, missing_rate,
            het_observed, het_expected and hwe_p over the diploid calls.
        samples: one row per sample: n_variants, n_missing, missing_rate, het (records with one copy), hom_alt,
            het_hom_ratio, titv, singletons, o_hom, e_hom, f, x_het_rate, y_called (calls on Y), inferred_sex.
        filtered: alternate alleles left out because their record failed a filter.
        relatives: pairs of samples that are related (``kinship.PAIR_SCHEMA``), if asked for.
        resolution: the least kinship that the file's loci can tell from strangers'.
        components: principal components of the samples (``Projection.table``), if loadings were given.
    """

    variants: pa.Table
    samples: pa.Table
    filtered: int
    build: str
    relatives: pa.Table | None = None
    resolution: float | None = None
    components: pa.Table | None = None


def cohort_qc(
    path: Path, settings: Settings | None = None, *, relatives: bool = False, loadings: Loadings | None = None
) -> CohortQc:
    """Judge the samples and variants of a VCF, gVCF or BCF.

    Args:
        path: the file.
        settings: limits.
        relatives: also estimate the kinship of all pairs, from the autosomal records with one alternate allele.
        loadings: also project the samples onto these components.

    Raises:
        BadFile: not usable as a whole.
        ValueError: too many samples for the kinship of all pairs.
    """
    opened = scan(path, settings)
    names = pa.array(opened.header.samples, pa.string())
    pairs = PairCounts(len(names)) if relatives else None
    projection = Projection(loadings, len(names)) if loadings is not None else None
    sums, parts, filtered = _Sums(len(names)), [], 0
    for batch in opened.batches:
        variants = batch.tables.get(GENOME_VARIANT.name)
        if variants is None or not variants.num_rows or GENOME_GENOTYPE.name not in batch.tables or not len(names):
            continue
        # what only gVCF blocks say of panel sites carries no call of its own
        called = pc.greater(variants["allele_no"], 0)
        passed = np.asarray(pc.and_(called, variants["is_pass"]).combine_chunks())
        filtered += int((np.asarray(called.combine_chunks()) & ~passed).sum())
        table, dosage = _variants(batch, passed, names, sums, opened.build, wants_dosage=bool(pairs or projection))
        parts.append(table)
        if pairs is not None:
            alone = np.asarray(pc.equal(variants["n_alts"], 1).combine_chunks())[passed]
            pairs.add(table.filter(pa.array(alone)), dosage[alone])
        if projection is not None:
            projection.add(table, dosage)
    listed = names.to_pylist()
    return CohortQc(
        pa.concat_tables(parts) if parts else pa.table({}),
        _samples(names, sums),
        filtered,
        opened.build,
        None if pairs is None else pairs.pairs(listed),
        None if pairs is None else pairs.resolution(),
        None if projection is None else projection.table(listed),
    )


class _Sums:
    """Sums per sample over all variants."""

    def __init__(self, n_samples: int) -> None:
        self.variants = 0
        self.expected_hom = 0.0
        shape = n_samples
        self.missing, self.het, self.hom_alt, self.haploid = (np.zeros(shape, dtype=np.int64) for _ in range(4))
        self.transitions, self.transversions, self.singletons = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        self.x_het, self.x_carried, self.y_called = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        self.expected_not_counted = np.zeros(shape)


def _variants(
    batch: Batch, passed: np.ndarray, names: pa.Array, sums: _Sums, build: str, *, wants_dosage: bool
) -> tuple[pa.Table, np.ndarray]:
    """The table of variants, and their dosages if wanted: variants x samples, -1 where there is no diploid call."""
    variants, calls = (plain(batch.tables[table.name], table) for table in (GENOME_VARIANT, GENOME_GENOTYPE))
    n, n_samples = variants.num_rows, len(names)
    # the variants of a batch are numbered one after another
    row = np.asarray(calls["variant_no"].combine_chunks()) - (variants["variant_no"][0].as_py() if n else 0)
    kept = passed[row]
    row = row[kept]
    sample = np.asarray(pc.index_in(calls["sample"].combine_chunks(), value_set=names).fill_null(0))[kept]
    a0, a1 = (np.asarray(calls[name].combine_chunks())[kept] for name in ("a0", "a1"))
    good = np.asarray(pc.equal(calls["state"], "not_assessed").combine_chunks())[kept] == 0
    haploid, copies = a1 == -2, (a0 == 1).astype(np.int64) + (a1 == 1)
    kinds = {
        "het": good & ~haploid & (copies == 1),
        "hom_alt": good & ~haploid & (copies == 2),
        "hap_ref": good & haploid & (copies == 0),
        "hap_alt": good & haploid & (copies == 1),
        "missing": ~good,
    }
    counts = {kind: np.bincount(row[chosen], minlength=n)[passed] for kind, chosen in kinds.items()}
    counts["hom_ref"] = n_samples - sum(counts.values())
    variants = variants.filter(pa.array(passed))
    renumbered = np.cumsum(passed) - 1
    row = renumbered[row]
    table, expected = _frequencies(variants, counts)
    _add(sums, variants, kinds, row, sample, counts, expected, build)
    dosage = np.zeros((variants.num_rows, n_samples) if wants_dosage else (0, 0), dtype=np.int8)
    if wants_dosage:
        for kind, copies in (("het", 1), ("hom_alt", 2), ("hap_ref", -1), ("hap_alt", -1), ("missing", -1)):
            dosage[row[kinds[kind]], sample[kinds[kind]]] = copies
    return table, dosage


def _frequencies(variants: pa.Table, counts: dict[str, np.ndarray]) -> tuple[pa.Table, np.ndarray]:
    diploid = counts["hom_ref"] + counts["het"] + counts["hom_alt"]
    alleles = 2 * diploid + counts["hap_ref"] + counts["hap_alt"]
    alt = counts["het"] + 2 * counts["hom_alt"] + counts["hap_alt"]
    with np.errstate(invalid="ignore", divide="ignore"):
        frequency = alt / alleles
        # Hardy-Weinberg is about diploid calls alone
        p = (counts["het"] + 2 * counts["hom_alt"]) / (2 * diploid)
        expected_het, observed_het = 2 * p * (1 - p), counts["het"] / diploid
        total = diploid + counts["hap_ref"] + counts["hap_alt"] + counts["missing"]
        missing_rate = counts["missing"] / total
    table = pa.table(
        {
            **{name: variants[name] for name in ("chrom", "pos", "ref", "alt", "rsid")},
            **{kind: pa.array(counts[kind]) for kind in _COUNTS},
            "alt_frequency": pa.array(frequency, from_pandas=True),
            "allele_number": pa.array(alleles),
            "missing_rate": pa.array(missing_rate),
            "het_observed": pa.array(observed_het, from_pandas=True),
            "het_expected": pa.array(expected_het, from_pandas=True),
            "hwe_p": pa.array(exact_p(counts["het"], counts["hom_ref"], counts["hom_alt"])),
        }
    )
    return table, np.nan_to_num(2 * frequency * (1 - frequency))


def _add(
    sums: _Sums, variants: pa.Table, kinds: dict[str, np.ndarray], row: np.ndarray, sample: np.ndarray,
    counts: dict[str, np.ndarray], expected_het: np.ndarray, build: str,
) -> None:  # fmt: skip
    n_samples = len(sums.missing)

    def tally(chosen: np.ndarray) -> np.ndarray:
        return np.bincount(sample[chosen], minlength=n_samples)

    carried = kinds["het"] | kinds["hom_alt"] | kinds["hap_alt"]
    haploid = kinds["hap_ref"] | kinds["hap_alt"]
    sums.variants += variants.num_rows
    sums.missing += tally(kinds["missing"])
    sums.het += tally(kinds["het"])
    sums.hom_alt += tally(kinds["hom_alt"] | kinds["hap_alt"])
    sums.haploid += tally(haploid)
    # expectations hold for every variant but those where a sample has no diploid call
    left_out = kinds["missing"] | haploid
    sums.expected_hom += float((1 - expected_het).sum())
    weights = (1 - expected_het)[row[left_out]]
    sums.expected_not_counted += np.bincount(sample[left_out], weights=weights, minlength=n_samples)
    change = pc.binary_join_element_wise(variants["ref"], variants["alt"], "")
    single = np.asarray(pc.equal(pc.binary_length(change), 2).combine_chunks())
    transition = np.asarray(pc.is_in(change, value_set=_TRANSITIONS).combine_chunks())
    sums.transitions += tally(carried & transition[row])
    sums.transversions += tally(carried & (single & ~transition)[row])
    alone = counts["het"] + counts["hom_alt"] + counts["hap_alt"] == 1
    sums.singletons += tally(carried & alone[row])
    on_x = np.asarray(pc.equal(variants["chrom"], "X").combine_chunks())
    if on_x.any():
        on_x = on_x & ~in_par(build, np.asarray(variants["pos"].combine_chunks()))
        sums.x_het += tally(kinds["het"] & on_x[row])
        sums.x_carried += tally(carried & on_x[row])
    on_y = np.asarray(pc.equal(variants["chrom"], "Y").combine_chunks())
    # what has no row of its own is called, and homozygous for the reference
    sums.y_called += int(on_y.sum()) - tally(kinds["missing"] & on_y[row])


def _samples(names: pa.Array, sums: _Sums) -> pa.Table:
    counted = sums.variants - sums.missing - sums.haploid
    observed, expected = counted - sums.het, sums.expected_hom - sums.expected_not_counted
    with np.errstate(invalid="ignore", divide="ignore"):
        f = (observed - expected) / (counted - expected)
        x_het_rate = np.where(sums.x_carried >= LEAST_X_SITES, sums.x_het / sums.x_carried, np.nan)
        ratios = {
            "missing_rate": sums.missing / sums.variants,
            "het_hom_ratio": sums.het / sums.hom_alt,
            "titv": sums.transitions / sums.transversions,
            "f": f,
            "x_het_rate": x_het_rate,
        }
        male, female = x_het_rate <= MALE_X_HET_RATE, x_het_rate >= FEMALE_X_HET_RATE
    sex = np.where(male, "male", np.where(female, "female", "unknown"))
    finite = {name: pa.array(values, mask=~np.isfinite(values)) for name, values in ratios.items()}
    return pa.table(
        {
            "sample": names,
            "n_variants": np.full(len(names), sums.variants),
            "n_missing": sums.missing,
            "missing_rate": finite["missing_rate"],
            "n_het": sums.het,
            "n_hom_alt": sums.hom_alt,
            "het_hom_ratio": finite["het_hom_ratio"],
            "titv": finite["titv"],
            "n_singletons": sums.singletons,
            "o_hom": observed,
            "e_hom": expected,
            "n_diploid": counted,
            "f": finite["f"],
            "x_het_rate": finite["x_het_rate"],
            "y_called": sums.y_called,
            "inferred_sex": pa.array(sex.tolist(), pa.string()),
        }
    )
